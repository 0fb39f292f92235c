// The JSON that Path - List of the DFS protocol answers with, as the same page that List Blobs
// gives. It tells neither metadata nor MD5. Tolerant of what versions leave out.
#pragma once

#include <string>
#include <string_view>

#include "backends/azure/blob_list.h"

namespace skybridge::azure {

// `continuation`: the x-ms-continuation of the reply. Source: Azure Data Lake REST: Path - List.
// kCorrupt if it is not that JSON.
Result<BlobListPage> ParsePathList(std::string_view json, std::string continuation);

}  // namespace skybridge::azure
