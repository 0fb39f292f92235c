// The reason phrase of a reply, which libmicrohttpd has no call for. Azure's services put the
// message of an error there, and for a HEAD it is the only text that a client gets (recorded
// exchanges and Microsoft's own tests, 2026-11-29).
#pragma once

#include <string_view>

namespace skybridge::localcloud {

// The next reply of the calling thread that has this status goes out with `phrase`, up to its first
// line end; "" brings HTTP's own phrase back. One thread serves a connection, so that no other
// connection sees it.
void SetReasonPhrase(unsigned int status, std::string_view phrase);

}  // namespace skybridge::localcloud
