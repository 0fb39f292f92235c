// How the Azure service says no. A refusal is thrown where it is found and caught in one place,
// AzureService::Handle, which words it as JSON (Data Lake) or XML (Blob). It never leaves the
// service. Source: Azure REST: Data Lake Storage error codes; Blob service error codes; recorded
// exchanges for the wording.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backends/http_transport.h"

namespace skybridge::localcloud::azure {

struct Refusal {
  int status = 400;
  std::string code;
  std::string message;
  HttpHeaders headers = {};                                       // besides x-ms-error-code
  std::vector<std::pair<std::string, std::string>> details = {};  // further elements of the body
};

[[noreturn]] void Refuse(int status, std::string code, std::string message);

// The ones that many operations share.
[[noreturn]] void RefuseMissing(bool dfs);  // 404 PathNotFound or BlobNotFound
[[noreturn]] void RefuseExisting(bool dfs,
                                 bool directory);  // 409 PathAlreadyExists or BlobAlreadyExists
[[noreturn]] void RefuseContainer(bool dfs);       // 404 FilesystemNotFound or ContainerNotFound
[[noreturn]] void RefuseCondition();               // 412 ConditionNotMet
[[noreturn]] void RefuseQuery(const std::string& name,
                              const std::string& value);   // 400 InvalidQueryParameterValue
[[noreturn]] void RefuseNoQuery(const std::string& name);  // 400 MissingRequiredQueryParameter
[[noreturn]] void RefuseHeader(const std::string& name,
                               const std::string& value);   // 400 InvalidHeaderValue
[[noreturn]] void RefuseNoHeader(const std::string& name);  // 400 MissingRequiredHeader

// WWW-Authenticate, which goes with every 401: where tokens come from, and for what.
void AddTokenChallenge(HttpHeaders& headers);

// The body of a refusal. `suffix` is "\nRequestId:...\nTime:...".
std::string JsonBody(const Refusal& refusal, const std::string& suffix);
std::string XmlBody(const Refusal& refusal, const std::string& suffix);

}  // namespace skybridge::localcloud::azure
