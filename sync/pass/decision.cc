#include "sync/pass/decision.h"

namespace skybridge {

std::string_view StepName(Step step) {
  switch (step) {
    case Step::kLeave:
      return "leave";
    case Step::kCopy:
      return "copy";
    case Step::kSetAttributes:
      return "set attributes";
    case Step::kMakeDirectory:
      return "make directory";
    case Step::kMakeWay:
      return "remove";
    case Step::kRefuse:
      return "refuse";
    case Step::kVanished:
      return "vanished";
  }
  return "";
}

bool ChangesSomething(Step step) {
  return step == Step::kCopy || step == Step::kSetAttributes || step == Step::kMakeDirectory ||
         step == Step::kMakeWay;
}

std::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kEqual:
      return "equal";
    case Reason::kOnlyAtDestination:
      return "only at the destination";
    case Reason::kNew:
      return "new";
    case Reason::kOtherKind:
      return "other kind";
    case Reason::kOtherSize:
      return "other size";
    case Reason::kOtherContent:
      return "other time or digest";
    case Reason::kOtherAttributes:
      return "other attributes";
  }
  return "";
}

}  // namespace skybridge
