#include "tests/localcloud/azure_acl.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>

#include "tests/localcloud/azure_refusal.h"
#include "tests/localcloud/azure_text.h"

namespace skybridge::localcloud::azure {
namespace {

constexpr std::array<std::string_view, 4> kTypeNames{"user", "group", "mask", "other"};
constexpr unsigned kStickyBit = 01000;
constexpr std::size_t kMaxEntries = 32;  // of the access list, and of the default list

[[noreturn]] void RefuseAcl(std::string_view text) { RefuseHeader("x-ms-acl", std::string(text)); }

std::string BitsText(unsigned bits) {
  return {(bits & 4) != 0 ? 'r' : '-', (bits & 2) != 0 ? 'w' : '-', (bits & 1) != 0 ? 'x' : '-'};
}

unsigned ParseBits(std::string_view text, std::string_view whole) {
  if (text.size() != 3) RefuseAcl(whole);
  unsigned bits = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    if (text[i] == "rwx"[i]) {
      bits |= 4U >> i;
    } else if (text[i] != '-') {
      RefuseAcl(whole);
    }
  }
  return bits;
}

std::vector<AclEntry> ParseEntries(std::string_view text, bool is_directory, bool with_bits) {
  std::vector<AclEntry> entries;
  for (const std::string_view part : Split(text, ',')) {
    std::vector<std::string_view> fields = Split(part, ':');
    AclEntry entry;
    if (!fields.empty() && fields.front() == "default") {
      if (!is_directory) RefuseAcl(text);
      entry.is_default = true;
      fields.erase(fields.begin());
    }
    if (fields.size() != (with_bits ? 3U : 2U) && (with_bits || fields.size() != 1))
      RefuseAcl(text);
    const auto type = std::find(kTypeNames.begin(), kTypeNames.end(), fields[0]);
    if (type == kTypeNames.end()) RefuseAcl(text);
    entry.type = static_cast<AclType>(type - kTypeNames.begin());
    if (fields.size() > 1) entry.id = fields[1];
    if (!entry.id.empty() && (entry.type == AclType::kMask || entry.type == AclType::kOther))
      RefuseAcl(text);
    if (with_bits) entry.bits = ParseBits(fields[2], text);
    const bool twice = std::any_of(entries.begin(), entries.end(),
                                   [&](const AclEntry& other) { return other.SameSubject(entry); });
    if (twice) RefuseAcl(text);
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) RefuseAcl(text);
  return entries;
}

}  // namespace

Acl Acl::FromMode(unsigned mode) {
  Acl acl;
  acl.entries_ = {{.type = AclType::kUser, .bits = (mode >> 6) & 7},
                  {.type = AclType::kGroup, .bits = (mode >> 3) & 7},
                  {.type = AclType::kOther, .bits = mode & 7}};
  acl.sticky_ = (mode & kStickyBit) != 0;
  return acl;
}

AclEntry* Acl::Find(bool is_default, AclType type) {
  return const_cast<AclEntry*>(static_cast<const Acl*>(this)->Find(is_default, type));
}

const AclEntry* Acl::Find(bool is_default, AclType type) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const AclEntry& entry) {
    return entry.is_default == is_default && entry.type == type && entry.id.empty();
  });
  return found == entries_.end() ? nullptr : &*found;
}

bool Acl::extended() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const AclEntry& entry) {
    return entry.is_default || !entry.id.empty() || entry.type == AclType::kMask;
  });
}

unsigned Acl::mode() const {
  const AclEntry* mask = Find(false, AclType::kMask);
  const unsigned group = mask != nullptr ? mask->bits : Find(false, AclType::kGroup)->bits;
  return (sticky_ ? kStickyBit : 0) | (Find(false, AclType::kUser)->bits << 6) | (group << 3) |
         Find(false, AclType::kOther)->bits;
}

void Acl::SetMode(unsigned mode) {
  AclEntry* mask = Find(false, AclType::kMask);
  Find(false, AclType::kUser)->bits = (mode >> 6) & 7;
  (mask != nullptr ? mask : Find(false, AclType::kGroup))->bits = (mode >> 3) & 7;
  Find(false, AclType::kOther)->bits = mode & 7;
  sticky_ = (mode & kStickyBit) != 0;
}

std::string Acl::Permissions() const {
  const unsigned bits = mode();
  std::string text = BitsText((bits >> 6) & 7) + BitsText((bits >> 3) & 7) + BitsText(bits & 7);
  if (sticky_) text.back() = text.back() == 'x' ? 't' : 'T';
  if (extended()) text += '+';
  return text;
}

std::string Acl::Text() const {
  std::string text;
  for (const AclEntry& entry : entries_) {
    if (!text.empty()) text += ',';
    if (entry.is_default) text += "default:";
    text += kTypeNames[static_cast<std::size_t>(entry.type)];
    text += ':' + entry.id + ':' + BitsText(entry.bits);
  }
  return text;
}

void Acl::Sort() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const AclEntry& a, const AclEntry& b) {
    return std::tuple(a.is_default, a.type, !a.id.empty()) <
           std::tuple(b.is_default, b.type, !b.id.empty());
  });
}

void Acl::FixMask(bool is_default) {
  unsigned group_class = 0;
  bool named = false;
  for (const AclEntry& entry : entries_) {
    if (entry.is_default != is_default || entry.type == AclType::kOther ||
        entry.type == AclType::kMask)
      continue;
    if (entry.type == AclType::kUser && entry.id.empty()) continue;
    named |= !entry.id.empty();
    group_class |= entry.bits;
  }
  if (named && Find(is_default, AclType::kMask) == nullptr) {
    entries_.push_back({.is_default = is_default, .type = AclType::kMask, .bits = group_class});
  }
}

void Acl::CheckCounts(std::string_view text) const {
  for (const bool is_default : {false, true}) {
    const auto count = std::count_if(entries_.begin(), entries_.end(), [&](const AclEntry& entry) {
      return entry.is_default == is_default;
    });
    if (static_cast<std::size_t>(count) > kMaxEntries) RefuseAcl(text);
  }
}

void Acl::Complete(const Acl& before) {
  const auto has = [&](bool is_default) {
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](const AclEntry& entry) { return entry.is_default == is_default; });
  };
  if (!has(false)) {
    std::copy_if(before.entries_.begin(), before.entries_.end(), std::back_inserter(entries_),
                 [](const AclEntry& entry) { return !entry.is_default; });
  }
  const bool has_defaults = has(true);
  for (const AclType type : {AclType::kUser, AclType::kGroup, AclType::kOther}) {
    if (Find(false, type) == nullptr) entries_.push_back(*before.Find(false, type));
    if (!has_defaults || Find(true, type) != nullptr) continue;
    AclEntry copy = *Find(false, type);
    copy.is_default = true;
    entries_.push_back(std::move(copy));
  }
  FixMask(false);
  FixMask(true);
}

void Acl::Set(std::string_view text, bool is_directory) {
  Acl fresh;
  fresh.entries_ = ParseEntries(text, is_directory, /*with_bits=*/true);
  fresh.Complete(*this);
  fresh.CheckCounts(text);
  fresh.Sort();
  entries_ = std::move(fresh.entries_);
}

void Acl::Modify(std::string_view text, bool is_directory) {
  Acl changed = *this;
  for (AclEntry& change : ParseEntries(text, is_directory, /*with_bits=*/true)) {
    const auto found =
        std::find_if(changed.entries_.begin(), changed.entries_.end(),
                     [&](const AclEntry& entry) { return entry.SameSubject(change); });
    if (found == changed.entries_.end()) {
      changed.entries_.push_back(std::move(change));
    } else {
      found->bits = change.bits;
    }
  }
  changed.Complete(*this);
  changed.CheckCounts(text);
  changed.Sort();
  *this = std::move(changed);
}

void Acl::Remove(std::string_view text, bool is_directory) {
  for (const AclEntry& gone : ParseEntries(text, is_directory, /*with_bits=*/false)) {
    if (!gone.is_default && gone.id.empty() && gone.type != AclType::kMask) RefuseAcl(text);
    std::erase_if(entries_, [&](const AclEntry& entry) { return entry.SameSubject(gone); });
  }
  Complete(*this);
  Sort();
}

void Acl::CutDown(unsigned mode) {
  AclEntry* mask = Find(false, AclType::kMask);
  Find(false, AclType::kUser)->bits &= (mode >> 6) & 7;
  (mask != nullptr ? mask : Find(false, AclType::kGroup))->bits &= (mode >> 3) & 7;
  Find(false, AclType::kOther)->bits &= mode & 7;
  sticky_ = (mode & kStickyBit) != 0;
}

Acl Acl::ForChild(bool is_directory, unsigned mode, unsigned umask) const {
  Acl child;
  for (const AclEntry& entry : entries_) {
    if (!entry.is_default) continue;
    AclEntry access = entry;
    access.is_default = false;
    child.entries_.push_back(std::move(access));
    if (is_directory) child.entries_.push_back(entry);
  }
  for (const AclType type : {AclType::kUser, AclType::kGroup, AclType::kOther}) {
    if (child.Find(false, type) == nullptr) return FromMode(mode & ~umask);
  }
  child.CutDown(mode);
  child.Sort();
  return child;
}

unsigned ParsePermissions(std::string_view text) {
  const auto refuse = [&] { RefuseHeader("x-ms-permissions", std::string(text)); };
  const bool octal = (text.size() == 3 || text.size() == 4) &&
                     text.find_first_not_of("01234567") == std::string_view::npos;
  if (octal) return static_cast<unsigned>(std::stoul(std::string(text), nullptr, 8)) & 01777;
  std::string letters(text.ends_with('+') ? text.substr(0, text.size() - 1) : text);
  if (letters.size() != 9) refuse();
  unsigned mode = 0;
  if (letters.back() == 't' || letters.back() == 'T') {
    mode |= kStickyBit;
    letters.back() = letters.back() == 't' ? 'x' : '-';
  }
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (letters[i] == "rwx"[i % 3]) {
      mode |= 0400U >> i;
    } else if (letters[i] != '-') {
      refuse();
    }
  }
  return mode;
}

std::string AccessEntriesOf(std::string_view text) {
  std::string access;
  for (const std::string_view entry : Split(text, ',')) {
    if (entry.starts_with("default:")) continue;
    if (!access.empty()) access += ',';
    access += entry;
  }
  return access;
}

unsigned ParseUmask(std::string_view text) {
  if (text.empty() || text.size() > 4 ||
      text.find_first_not_of("01234567") != std::string_view::npos) {
    RefuseHeader("x-ms-umask", std::string(text));
  }
  return static_cast<unsigned>(std::stoul(std::string(text), nullptr, 8)) & 0777;
}

}  // namespace skybridge::localcloud::azure
