<?php
// PHP SoapClient: URL, SOAP version, operation, given values (JSON file) -> one line of JSON.
[, $url, $version, $operation, $path] = $argv;
$given = json_decode(file_get_contents($path), true);
$client = new SoapClient("$url?wsdl", [
    'soap_version' => $version === '1.1' ? SOAP_1_1 : SOAP_1_2,
    'cache_wsdl' => WSDL_CACHE_NONE, 'exceptions' => true, 'trace' => true,
    'compression' => SOAP_COMPRESSION_ACCEPT | SOAP_COMPRESSION_GZIP,
]);
try {
    if ($operation === 'exchange') {
        $out = ['out' => $client->exchange(['in0' => $given['document']])->out];
    } else {
        $block = new SoapVar($given['header_xml'], XSD_ANYXML);
        $client->__setSoapHeaders(new SoapHeader('urn:bss:if:soap:0.9', 'PackageHeader', $block));
        $answer = $client->__soapCall($operation, [$given['body']]);
        $out = ['code' => $answer->code ?? null, 'text' => $answer->text ?? null];
    }
} catch (SoapFault $fault) {
    $receipt = $fault->detail->Receipt ?? null;
    $out = ['fault' => $fault->faultcode, 'code' => $receipt->code ?? null];
}
echo json_encode($out, JSON_UNESCAPED_UNICODE), "\n";
