"""The local cloud as a benchmark needs it: started, shaped, counted."""

import json
import pathlib
import urllib.request

from benchmark.process import Child, wait_until

CONTAINER = "bench"

# Round trip in milliseconds and bytes a second of each connection, both ways.
SHAPES = {
    "near": None,
    "far": {"delay_ms": 20, "download_bytes_per_second": 60_000_000, "upload_bytes_per_second": 60_000_000},
}


class Cloud:
    """One running `localcloud`; everything it keeps is in memory."""

    def __init__(self, program, directory):
        self._directory = pathlib.Path(directory)
        ready_file = self._directory / "ready.json"
        self._child = Child(
            [str(program), "--ready-file", str(ready_file), "--azure-container", CONTAINER, "--azure-filesystem", CONTAINER,
             "--oci-bucket", CONTAINER],
            self._directory / "localcloud.log")
        try:
            wait_until(lambda: self._child.check_alive() and ready_file.exists(), 30, "localcloud")
        except BaseException:
            self.stop()
            raise
        self.ready = json.loads(ready_file.read_text())

    def stop(self):
        self._child.stop()

    def account(self, hierarchical):
        """Name, key and url of the Azure account with or without a hierarchical namespace."""
        return next(account for account in self.ready["azure"]["accounts"] if account["hierarchical"] == hierarchical)

    def remotes(self, hierarchical):
        """The remotes `azure` and `oci` as skybridge's configuration has them."""
        account, oci = self.account(hierarchical), self.ready["oci"]
        return {
            "azure": {"uri": f"{account['url']}/{CONTAINER}",
                      "auth": {"type": "shared_key", "account_key": account["key"]}},
            "oci": {"uri": f"oci://{CONTAINER}@{oci['namespace']}/", "region": oci["region"],
                    "endpoint": oci["endpoint"],
                    "auth": {"type": "config_file", "config_file": oci["config_file"]}},
        }

    def shape(self, name):
        """Makes every request from now on as far away as `name` of SHAPES says. Once for each cloud."""
        if SHAPES[name] is not None:
            self._admin("POST", "/admin/rules", SHAPES[name])

    def reset_counts(self):
        self._admin("POST", "/admin/reset-counts")

    def requests(self):
        """Requests since reset_counts, by operation."""
        operations = self._admin("GET", "/admin/counts")["operations"]
        return {name: count["requests"] for name, count in sorted(operations.items())}

    def _admin(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
        request = urllib.request.Request(self.ready["admin"]["endpoint"] + path, method=method, data=data)
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None
