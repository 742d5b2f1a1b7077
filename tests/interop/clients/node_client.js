// node-soap as a client: URL, SOAP version, operation, given values (JSON file) -> one line of JSON.
const soap = require('soap');
const fs = require('fs');
const [, , url, version, operation, path] = process.argv;
const given = JSON.parse(fs.readFileSync(path, 'utf8'));
const print = (value) => console.log(JSON.stringify(value));

(async () => {
  const client = await soap.createClientAsync(`${url}?wsdl`, { forceSoap12Headers: version === '1.2' });
  const port = client.CRM[version === '1.1' ? 'CRMSoap11' : 'CRMSoap12'];
  if (operation !== 'exchange') client.addSoapHeader(given.header_xml);
  const body = operation === 'exchange' ? { in0: given.document } : given.body;
  port[operation](body, (error, result) => {
    if (!error) {
      print(operation === 'exchange' ? { out: result.out } : { code: result.code, text: result.text });
      return;
    }
    const fault = error.root ? error.root.Envelope.Body.Fault : null;
    if (!fault) throw error;
    const detail = fault.detail || fault.Detail || {};
    const receipt = detail.Receipt || {};
    print({ fault: fault.faultcode || fault.Code.Value, code: receipt.code || null });
  });
})();
