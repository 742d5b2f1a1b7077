/* gSOAP as a client: URL, SOAP version, operation, body element (XML file), header fields -> one line of JSON.
   Compiled against what wsdl2h and soapcpp2 made of our WSDL. */
#include "soapH.h"
#include "CRMBinding11.nsmap"
#include <fcntl.h>

static void quoted(const char *name, const char *value) {
  printf("\"%s\": \"", name);
  for (; value && *value; ++value) {
    if (*value == '"' || *value == '\\') putchar('\\');
    if (*value == '\n') fputs("\\n", stdout); else putchar(*value);
  }
  putchar('"');
}

static int refused(struct soap *soap) {
  const char *code = NULL;
  struct SOAP_ENV__Detail *detail = NULL;
  if (soap->fault) detail = soap->fault->SOAP_ENV__Detail ? soap->fault->SOAP_ENV__Detail : soap->fault->detail;
  if (detail && detail->__type == SOAP_TYPE__ns2__Receipt) code = ((struct _ns2__Receipt *)detail->fault)->code;
  else if (detail && detail->ns2__Receipt) code = detail->ns2__Receipt->code;
  else { soap_print_fault(soap, stderr); return 1; }
  putchar('{'); quoted("fault", *soap_faultcode(soap)); fputs(", ", stdout); quoted("code", code); puts("}");
  return 0;
}

int main(int argc, char **argv) {
  /* argv: url version operation body-file code serial sender receiver area send-time mode */
  struct soap *soap = soap_new1(SOAP_C_UTFSTRING);
  const char *url = argv[1], *operation = argv[3];
  int second = argv[2][2] == '2', status;
  struct ns4__HeaderType *header = soap_malloc(soap, sizeof *header);
  if (argc < 12) return 2;
  soap_set_version(soap, second ? 2 : 1);
  if (strcmp(operation, "exchange")) {
    soap->recvfd = open(argv[4], O_RDONLY);
    memset(header, 0, sizeof *header);
    header->MessageCode = argv[5]; header->Serial = argv[6]; header->Sender = argv[7]; header->Receiver = argv[8];
    header->Area = argv[9]; header->SendTime = argv[10]; header->Version = "0.9"; header->Mode = argv[11][0];
  }
  if (!strcmp(operation, "LinkTest")) {
    struct _ns2__LinkTest request; struct _ns2__LinkTestAnswer answer;
    if (soap_read__ns2__LinkTest(soap, &request)) { soap_print_fault(soap, stderr); return 1; }
    soap_header(soap); soap->header->ns3__PackageHeader = header;
    status = second ? soap_call___ns1__LinkTest_(soap, url, NULL, &request, &answer)
                    : soap_call___ns1__LinkTest(soap, url, NULL, &request, &answer);
    if (status) return refused(soap);
    putchar('{'); quoted("text", answer.text); puts("}");
  } else if (!strcmp(operation, "SubmitOrder")) {
    struct _ns2__SubmitOrder request; struct _ns2__Receipt answer;
    if (soap_read__ns2__SubmitOrder(soap, &request)) { soap_print_fault(soap, stderr); return 1; }
    soap_header(soap); soap->header->ns3__PackageHeader = header;
    status = second ? soap_call___ns1__SubmitOrder_(soap, url, NULL, &request, &answer)
                    : soap_call___ns1__SubmitOrder(soap, url, NULL, &request, &answer);
    if (status) return refused(soap);
    putchar('{'); quoted("code", answer.code); puts("}");
  } else {
    struct _ns1__exchange request; struct _ns1__exchangeResponse answer;
    FILE *file = fopen(argv[4], "r");
    char *text = soap_malloc(soap, 1 << 16);
    text[fread(text, 1, (1 << 16) - 1, file)] = 0;
    request.in0 = text;
    status = second ? soap_call___ns1__exchange_(soap, url, NULL, &request, &answer)
                    : soap_call___ns1__exchange(soap, url, NULL, &request, &answer);
    if (status) return refused(soap);
    putchar('{'); quoted("out", answer.out); puts("}");
  }
  return 0;
}
