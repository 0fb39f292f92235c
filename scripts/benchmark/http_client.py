"""The ideal to compare with: Azure Blob requests over plain sockets, nothing kept, nothing checked twice.

It also fills the container before a workload reads from it.
"""

import base64
import concurrent.futures
import email.utils
import hashlib
import hmac
import queue
import socket
import urllib.parse

from benchmark.process import Failure

VERSION = "2021-06-08"
BLOCK_BYTES = 8 << 20


class Connection:
    """One keep-alive connection. Not for more than one thread."""

    def __init__(self, host, port):
        self._socket = socket.create_connection((host, port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self._socket.close()

    def exchange(self, head, body, into):
        """Sends one request; returns status and body. A body goes to `into` if there is one."""
        if len(body) > 65536:
            self._socket.sendall(head)
            self._socket.sendall(body)
        else:
            self._socket.sendall(head + bytes(body))
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            self._more(received)
        lines = bytes(received[:end]).decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
        content = memoryview(into if into is not None and status < 300 else bytearray(length))
        first = received[end + 4:]
        content[:len(first)] = first
        at = len(first)
        while at < length:
            count = self._socket.recv_into(content[at:length])
            if count == 0:
                raise Failure("the local cloud closed a connection in mid-reply")
            at += count
        return status, bytes(content[:length]) if into is None else b""

    def _more(self, received):
        chunk = self._socket.recv(16384)
        if not chunk:
            raise Failure("the local cloud closed a connection")
        received += chunk


class BlobClient:
    """Azure Blob requests signed with the account's key, path style, over a bounded number of connections."""

    def __init__(self, account, key, endpoint, container):
        self._account = account
        self._key = base64.b64decode(key)
        url = urllib.parse.urlsplit(endpoint)
        self._address = (url.hostname, url.port)
        self._base = f"{url.path.rstrip('/')}/{container}"
        self._idle = queue.SimpleQueue()

    def close(self):
        while not self._idle.empty():
            self._idle.get().close()

    def put(self, name, body, query=""):
        headers = {} if query else {"x-ms-blob-type": "BlockBlob"}
        self._call("PUT", name, query, headers, body)

    def get(self, name, begin, end, into):
        self._call("GET", name, "", {"x-ms-range": f"bytes={begin}-{end - 1}"}, b"", into)

    def put_large(self, name, block, count, connections):
        """`count` times the same block, sent in parallel, as one blob."""
        ids = [base64.b64encode(b"%08d" % number).decode() for number in range(count)]
        self._each(lambda block_id: self.put(name, block, f"comp=block&blockid={urllib.parse.quote(block_id, safe='')}"),
                   ids, connections)
        listed = "".join(f"<Latest>{block_id}</Latest>" for block_id in ids)
        self.put(name, f"<BlockList>{listed}</BlockList>".encode(), "comp=blocklist")

    def get_large(self, name, size, connections):
        """Reads every byte in ranges, in parallel."""
        self._each(lambda begin: self.get(name, begin, min(begin + BLOCK_BYTES, size), bytearray(BLOCK_BYTES)),
                   range(0, size, BLOCK_BYTES), connections)

    def put_many(self, names, body, connections):
        self._each(lambda name: self.put(name, body), names, connections)

    def get_many(self, names, size, connections):
        self._each(lambda name: self.get(name, 0, size, bytearray(size)), names, connections)

    def list_all(self, prefix):
        """Number of blobs below a prefix, page after page."""
        found, marker = 0, ""
        while True:
            query = f"comp=list&prefix={urllib.parse.quote(prefix, safe='')}&restype=container"
            if marker:
                query += f"&marker={urllib.parse.quote(marker, safe='')}"
            page = self._call("GET", None, query, {}, b"").decode()
            found += page.count("<Blob>")
            marker = page.partition("<NextMarker>")[2].partition("</NextMarker>")[0]
            if not marker:
                return found

    def _each(self, work, items, connections):
        with concurrent.futures.ThreadPoolExecutor(connections) as pool:
            for done in [pool.submit(work, item) for item in items]:
                done.result()

    def _call(self, method, name, query, headers, body, into=None):
        path = self._base if name is None else f"{self._base}/{urllib.parse.quote(name)}"
        headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": VERSION, **headers}
        headers["Authorization"] = self._authorization(method, path, query, headers, len(body))
        head = f"{method} {path}{'?' + query if query else ''} HTTP/1.1\r\nHost: {self._address[0]}:{self._address[1]}\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        head += f"Content-Length: {len(body)}\r\n\r\n"
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = Connection(*self._address)
        status, content = connection.exchange(head.encode("latin-1"), body, into)
        self._idle.put(connection)
        if status >= 300:
            raise Failure(f"{method} {name}: the local cloud answered {status}: {content[:200]!r}")
        return content

    def _authorization(self, method, path, query, headers, length):
        """Source: Azure documentation, "Authorize with Shared Key"."""
        named = "".join(f"{key}:{headers[key]}\n" for key in sorted(headers))
        resource = f"/{self._account}{path}"
        for key, values in sorted(urllib.parse.parse_qs(query).items()):
            resource += f"\n{key}:{','.join(sorted(values))}"
        fields = [method, "", "", str(length) if length else "", "", "", "", "", "", "", "", ""]
        text = "\n".join(fields) + "\n" + named + resource
        signature = base64.b64encode(hmac.new(self._key, text.encode(), hashlib.sha256).digest()).decode()
        return f"SharedKey {self._account}:{signature}"
