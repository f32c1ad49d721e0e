#!/usr/bin/python3
"""The demonstration customer's application: what a customer's backend does for Switchhook.

    application.py ADDRESS PORT

    POST /voice     Switchhook asks what to do with a communication: the answer is TwiML
    POST /dialed    the Dial is over: what became of it, and what now
    POST /status    the communication changed its state
    GET  /events    what was heard so far, as JSON, oldest first (?call=CA... for one communication)

The parameter `client` of the communication tells whom to dial, alice otherwise; a
call that a client made to another client dials that one.  Every request has to
carry Switchhook's signature, made with AUTH_TOKEN over APPLICATION_URL + path and
the parameters: without it, anybody could play Switchhook here.
"""
import base64
import collections
import hashlib
import hmac
import json
import os
import signal
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape, quoteattr

AUTH_TOKEN = os.environ["AUTH_TOKEN"]
OWN_URL = os.environ["APPLICATION_URL"]
BODY_MAX = 64 * 1024

heard = collections.deque(maxlen=1000)      # appending is atomic; old ones fall out


def signature(url, parameters):
    text = url + "".join(name + value for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.new(AUTH_TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


def voice(parameters):
    to = parameters.get("To", "")
    client = parameters.get("client") or (to[len("client:"):] if to.startswith("client:") else "alice")
    dial = f"<Dial timeout=\"20\" action={quoteattr(OWN_URL + '/dialed')}><Client>{escape(client)}</Client></Dial>"
    return f"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{dial}</Response>"


def dialed(_parameters):
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Hangup/></Response>"


def status(_parameters):
    return None


ANSWERS = {"/voice": voice, "/dialed": dialed, "/status": status}


class Application(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 75
    wbufsize = -1       # an answer leaves in one piece: two would wait for each other's acknowledgement

    def do_POST(self):
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        if path not in ANSWERS or length > BODY_MAX:
            self.close_connection = True
            return self.reply(404 if path not in ANSWERS else 413)
        form = urllib.parse.parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True)
        expected = signature(OWN_URL + self.path, form)
        if not hmac.compare_digest(expected, self.headers.get("X-Twilio-Signature", "")):
            print(f"{path}: refused, the signature is wrong", flush=True)
            return self.reply(403)
        parameters = dict(urllib.parse.parse_qsl(query) + form)
        heard.append({"at": time.time(), "what": path[1:], "parameters": parameters})
        state = parameters.get("DialCallStatus") or parameters.get("CallStatus", "")
        print(f"{path}: {parameters.get('CallSid', '?')} {state}", flush=True)
        answer = ANSWERS[path](parameters)
        return self.reply(200, "text/xml", answer) if answer else self.reply(204)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path != "/events":
            return self.reply(404)
        call = dict(urllib.parse.parse_qsl(query)).get("call")
        chosen = [e for e in list(heard) if call in (None, e["parameters"].get("CallSid"), e["parameters"].get("ParentCallSid"))]
        return self.reply(200, "application/json", json.dumps(chosen))

    def reply(self, code, content_type=None, text=""):
        body = text.encode()
        self.send_response(code)
        if content_type:
            self.send_header("Content-Type", content_type)
        if code != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))       # as first process of a container it would not hear it
    print(f"listening on {sys.argv[1]}:{sys.argv[2]}, found at {OWN_URL}", flush=True)
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Application).serve_forever()
