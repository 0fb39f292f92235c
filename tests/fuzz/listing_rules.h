// What must hold for a page of a listing, whatever the service answered.
#pragma once

#include "backends/object_store.h"

namespace skybridge::fuzz {

// Every entry lies below the directory that was listed, and is a path that cannot lead out of it.
void CheckPage(const ListRequest& request, const Result<ListPage>& page);

}  // namespace skybridge::fuzz
