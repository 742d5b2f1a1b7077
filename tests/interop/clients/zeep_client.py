"""zeep as a client: URL, SOAP version, operation, given values (JSON file) -> one line of JSON."""

import json
import sys
from pathlib import Path

from zeep import Client
from zeep.exceptions import Fault

url, version, operation, given_path = sys.argv[1:]
given = json.loads(Path(given_path).read_text(encoding="utf-8"))
client = Client(f"{url}?wsdl")
proxy = client.bind("CRM", "CRMSoap11" if version == "1.1" else "CRMSoap12")
try:
    if operation == "exchange":
        print(json.dumps({"out": proxy.exchange(given["document"])}))
    else:
        answer = getattr(proxy, operation)(**given["body"], _soapheaders={"header": given["header"]})
        body = answer.body
        out = {"code": getattr(body, "code", None), "text": getattr(body, "text", None)}
        print(json.dumps({**out, "serial": answer.header.header.Serial}))
except Fault as fault:
    codes = fault.detail.xpath("//*[local-name()='Receipt']/*[local-name()='code']") if fault.detail is not None else []
    print(json.dumps({"fault": fault.code, "code": codes[0].text if codes else None, "message": fault.message}))
