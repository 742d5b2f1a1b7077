// node-soap as a server of our WSDL: WSDL file, service and port -> {"ready": URL}; every message gets 0001, exchange a document.
const soap = require('soap');
const http = require('http');
const fs = require('fs');
const [, , path, service] = process.argv;
const names = JSON.parse(process.argv[4]);

const port = {};
for (const name of names) {
  port[name] = (_args, callback) => callback({ code: '0001', text: 'ok' });
}
const pick = (document, name) => (new RegExp(`<${name}>([^<]*)</${name}>`).exec(document) || [])[1];
port.exchange = (args, callback) => {
  const given = typeof args.in0 === 'object' ? args.in0.$value : args.in0;
  const head = ['MessageCode', 'Serial'].map((name) => `<${name}>${pick(given, name)}</${name}>`).join('')
    + `<Sender>${pick(given, 'Receiver')}</Sender><Receiver>${pick(given, 'Sender')}</Receiver>`
    + ['Area', 'SendTime', 'Version', 'Mode'].map((name) => `<${name}>${pick(given, name)}</${name}>`).join('')
    + '<ResultCode>0001</ResultCode>';
  callback({
    out: `<Package xmlns="urn:bss:if:package:0.9"><Header>${head}</Header><Body>`
      + '<Receipt xmlns="urn:bss:if:message:0.9"><code>0001</code><text>ok</text></Receipt></Body></Package>',
  });
};

const server = http.createServer((_request, response) => { response.statusCode = 404; response.end(); });
server.listen(0, '127.0.0.1', () => {
  const where = `http://127.0.0.1:${server.address().port}`;
  soap.listen(server, {
    path: '/soap', services: { [service]: { [`${service}Soap11`]: port, [`${service}Soap12`]: port } },
    xml: fs.readFileSync(path, 'utf8'), uri: path,
  });
  console.log(JSON.stringify({ ready: `${where}/soap` }));
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
