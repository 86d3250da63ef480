"""Hubs on this machine that take what is pushed to them."""

import base64
import hashlib
import http.server
import json
import re


class HubServer(http.server.ThreadingHTTPServer):
    """Hugging Face and Kaggle, as far as their libraries ask for it.

    Attributes:
        url: str.
        token: str. What one is logged in by.
        repositories: dict by name of a dict of bytes by path.
        private: dict by name of bool.
        instances: list of (path, body): what Kaggle was told to make.
        is_new: bool. Whether Kaggle has the model not yet.
        broken: str. What is answered with 403, as it begins.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.token = "secret"
        self.repositories, self.private = {}, {}
        self.stored, self.instances = {}, []
        self.is_new, self.broken = True, None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer()

    def do_HEAD(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def do_PUT(self):
        self._answer()

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else _chunks(self)
        path = self.path.partition("?")[0]
        if self.server.broken and path.startswith(self.server.broken):
            self._say(403, {"error": "not for you"})
            return
        for pattern, answer in _ANSWERS:
            found = re.fullmatch(pattern, path)
            if found:
                self._say(*answer(self, body, *found.groups()))
                return
        self._say(404, {"error": f"nothing at {self.path}", "code": 404})

    def _say(self, status, content, headers=()):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _chunks(handler):
    """The body of a request that is sent piece by piece."""
    content = b""
    if handler.headers.get("Transfer-Encoding", "") == "chunked":
        while size := int(handler.rfile.readline(), 16):
            content += handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
    return content


def _who(handler, _body):
    if handler.headers["Authorization"] != f"Bearer {handler.server.token}":
        return 401, {"error": "Invalid credentials in Authorization header"}
    return 200, {"type": "user", "name": "somebody", "orgs": []}


def _create(handler, body):
    asked, server = json.loads(body), handler.server
    name = f"{asked.get('organization') or 'somebody'}/{asked['name']}"
    server.private[name] = asked.get("private")
    if "visibility" in asked:
        server.private[name] = asked["visibility"] == "private"
    server.repositories.setdefault(name, {})
    return 200, {"url": f"{server.url}/{name}", "name": name}


def _check_yaml(_handler, body):
    text = json.loads(body)["content"]
    sound = text.startswith("---\nlibrary_name: ")
    errors = [] if sound else [{"message": "no front matter"}]
    return (200 if sound else 400), {"errors": errors, "warnings": []}


def _modes(_handler, body, _name):
    files = [
        {
            "path": one["path"],
            "uploadMode": "lfs"
            if one["path"].endswith(".keras")
            else "regular",
            "shouldIgnore": False,
        }
        for one in json.loads(body)["files"]
    ]
    return 200, {"files": files}


def _lfs(handler, body, _name):
    url = handler.server.url
    objects = [
        {
            "oid": one["oid"],
            "size": one["size"],
            "actions": {"upload": {"href": f"{url}/upload/{one['oid']}"}},
        }
        for one in json.loads(body)["objects"]
    ]
    return 200, {"transfer": "basic", "objects": objects}


def _upload(handler, body, oid):
    handler.server.stored[oid] = body
    return 200, b""


def _commit(handler, body, name):
    server = handler.server
    for line in body.splitlines():
        asked = json.loads(line)
        value = asked["value"]
        if asked["key"] == "file":
            content = base64.b64decode(value["content"])
        elif asked["key"] == "lfsFile":
            content = server.stored[value["oid"]]
            assert hashlib.sha256(content).hexdigest() == value["oid"]
        else:
            continue
        server.repositories[name][value["path"]] = content
    url = f"{server.url}/{name}/commit/{_COMMIT}"
    return 200, {"commitUrl": url, "commitOid": _COMMIT, "success": True}


def _tree(handler, _body, name):
    files = handler.server.repositories[name]
    return 200, [
        {"type": "file", "path": path, "size": len(content), "oid": "0" * 40}
        for path, content in files.items()
    ]


def _file(handler, _body, name, path):
    content = handler.server.repositories[name][path]
    mark = hashlib.sha256(content).hexdigest()
    return 200, content, {"X-Repo-Commit": _COMMIT, "ETag": f'"{mark}"'}


def _hello(handler, _body):
    if "Authorization" not in handler.headers:
        return 401, {"code": 401, "message": "Unauthenticated"}
    return 200, {"userName": "somebody"}


def _get_model(handler, _body):
    if handler.server.is_new:
        return 404, {"code": 404, "message": "Not found"}
    return 200, {"slug": "tsn"}


def _start(handler, body):
    name = json.loads(body)["name"]
    url = f"{handler.server.url}/upload/{name}"
    return 200, {"token": name, "createUrl": url}


def _make(handler, body, what):
    server = handler.server
    server.instances.append((what, json.loads(body)))
    if what == "CreateModelInstance" and not server.is_new:
        # It says so in its body.
        return 200, {"error": "exists", "errorCode": 409}
    return 200, {}


_COMMIT = "c" * 40
_REPO = r"([\w.-]+/[\w.-]+)"
_MODELS = r"/v1/models\.ModelApiService"
_ANSWERS = (
    ("/api/whoami-v2", _who),
    ("/api/repos/create", _create),
    ("/api/validate-yaml", _check_yaml),
    (rf"/api/models/{_REPO}/preupload/main", _modes),
    (rf"/{_REPO}\.git/info/lfs/objects/batch", _lfs),
    ("/upload/(.+)", _upload),
    (rf"/api/models/{_REPO}/commit/main", _commit),
    (rf"/api/models/{_REPO}/tree/main", _tree),
    (rf"/{_REPO}/resolve/main/(.+)", _file),
    (r"/v1/api\.v1\.DiagnosticsService/Hello", _hello),
    (rf"{_MODELS}/GetModel", _get_model),
    (r"/v1/blobs\.BlobApiService/StartBlobUpload", _start),
    (rf"{_MODELS}/(CreateModel\w*)", _make),
)
