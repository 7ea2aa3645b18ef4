"""What stands in a function's place and a bucket's, and answers what it likes."""

import base64
import http.server
import io
import json
import threading

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = [{"name": "n", "type": "INTEGER"}, {"name": "t", "type": "VARCHAR"}]
TABLE = pa.table({"n": pa.array([1, 2], pa.int32()), "t": ["a", "b"]})


class Server:
    """A server until `close`. `payload`, or what it gives for an event, is the answer to each call; `objects` are the bucket's, by key."""

    def __init__(self):
        self.reset()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body, **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.events.append(event)
                payload = outer.payload(event) if callable(outer.payload) else outer.payload
                body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
                headers = {"X_Amz_Log_Result": base64.b64encode(outer.log.encode()).decode()}
                if outer.failed:
                    headers["X_Amz_Function_Error"] = "Unhandled"
                if outer.status != 200:
                    headers["X_Amzn_ErrorType"] = "TooManyRequestsException" if outer.status == 429 else "AccessDeniedException"
                self.answer(outer.status, body, **headers)

            def do_GET(self):
                outer.asked.append(self.path)
                if self.path.endswith("/configuration"):
                    variables = {"QUACK_BUCKET": "lake", "QUACK_RESULTS": "_quack/results/"}
                    self.answer(200, json.dumps({"Environment": {"Variables": variables}, "Architectures": ["arm64"]}).encode())
                    return
                content = outer.objects.get(self.path.split("?")[0])
                if content is None:
                    self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
                    return
                start, _, end = self.headers["Range"].partition("=")[2].partition("-")
                part = content[int(start) : int(end) + 1]
                self.answer(206, part, Content_Range=f"bytes {start}-{end}/{len(content)}")

            def do_PUT(self):
                outer.asked.append(f"PUT {self.path}")
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(200, b"")

            def do_DELETE(self):
                outer.asked.append(f"DELETE {self.path}")
                self.answer(204, b"")

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                """A connection that a test breaks off."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self):
        """Forgets what it was asked and has to answer."""
        self.payload, self.failed, self.objects, self.log = {}, False, {}, ""
        self.status, self.asked, self.events = 200, [], []

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def stream(table, compression="lz4"):
    """An Arrow stream as the function sends it."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet(table, **options):
    """A Parquet file as the function writes it."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="snappy", **options)
    return sink.getvalue()


def answer(data, rows=2, columns=COLUMNS, **more):
    """A whole answer."""
    metadata = {"timeMs": 1, "epochMs": 1, "eventId": "x", "query": "q", "warm": True, "rows": rows, "bytes": 1, "truncated": False,
                "engine": "v1", "initMs": 1.0, "columns": columns, **more}
    return {"metadata": metadata, "data": data}


def inline(table=TABLE, **more):
    """An answer with its rows."""
    return answer({"arrow": base64.b64encode(stream(table)).decode()}, **{"rows": table.num_rows, **more})
