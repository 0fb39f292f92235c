// HostileService: an HttpTransport that answers as Azure or OCI object storage would, but whose
// names are whatever a test wants: "../x", NUL, ten million bytes. What is put is forgotten, what
// is to be copied or renamed is never there.
//
//   HostileService service(Dialect::kOci, {"good.txt", "../escape"});
#pragma once

#include <atomic>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/http_transport.h"

namespace skybridge::testing {

// Safe from many threads.
class HostileService final : public HttpTransport {
 public:
  enum class Dialect { kAzureFlat, kAzureHierarchical, kAzureDfsOnly, kOci };

  // The content of every object.
  static constexpr std::string_view kContent = "good";

  // Lists `names` in the order given, filtered and folded as it is asked for.
  HostileService(Dialect dialect, std::vector<std::string> names)
      : dialect_(dialect), names_(std::move(names)) {}

  // Every page of a listing promises another one.
  enum class Pages {
    kEnd,
    kRepeatTheirContinuation,  // and their names
    kRepeatTheirNames,         // each with a new continuation
    kAreEmpty,                 // likewise, without names
  };
  // From now on.
  void NeverEnd(Pages pages = Pages::kRepeatTheirContinuation) { pages_ = pages; }
  // From now on a listing answers all names, whatever was asked for.
  void IgnoreWhatIsAsked() { ignores_scope_ = true; }
  // From now on XML holds NUL as this text ("&#0;") instead of in a percent-encoded name.
  void WriteNulAs(std::string text) { nul_ = std::move(text); }
  std::size_t requests() const { return requests_; }

  Result<HttpResponse> Send(const HttpRequest& request, const CallContext& context) override;

 private:
  // What a request for a listing asks for.
  struct Scope {
    std::string prefix;
    bool folds = false;  // what lies deeper than one level
  };
  Scope ScopeOf(std::string_view url) const;
  HttpResponse List(std::string_view url);
  // Of the page that is being made; "" for the last one.
  std::string NextContinuation();
  bool HasBelow(const std::string& directory) const;
  HttpResponse Object(const HttpRequest& request) const;
  std::string XmlName(const std::string& name) const;
  std::string ToXml(const std::vector<std::string>& names, const std::set<std::string>& folded);
  std::string ToJson(const std::vector<std::string>& names, const std::set<std::string>& folded);
  static std::string ToPathsJson(const std::vector<std::string>& names,
                                 const std::set<std::string>& folded);

  const Dialect dialect_;
  const std::vector<std::string> names_;
  std::string nul_;  // "": percent-encoded
  std::atomic<Pages> pages_{Pages::kEnd};
  std::atomic<std::size_t> continuations_{0};
  std::atomic<bool> ignores_scope_{false};
  std::atomic<std::size_t> requests_{0};
};

}  // namespace skybridge::testing
