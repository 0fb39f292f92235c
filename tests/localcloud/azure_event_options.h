// Which events of an account go where.
#pragma once

#include <string>

namespace skybridge::localcloud::azure {

enum class EventSchema { kEventGrid, kCloudEvents };

struct EventOptions {
  std::string queue;  // of the same account, made at the start; "" sends no events
  EventSchema schema = EventSchema::kEventGrid;
  // The JSON text itself, as Event Grid delivered to queues before it began to encode in base64.
  bool plain = false;
};

}  // namespace skybridge::localcloud::azure
