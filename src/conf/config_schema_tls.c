/* Keys of `tls:`. */
#include "conf/config_schema.h"

static const char *const schema_versions[] = {"1.2", "1.3", NULL};
static const char *const schema_client_modes[] = {"required", "optional", NULL};
static const char *const schema_plain_http[] = {"refuse", "redirect", NULL};

/* Mozilla's intermediate configuration without DHE, whose key exchange lets a client keep a server
 * busy at little cost. */
#define CIPHERS                                                                                    \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

#define CERTIFICATE(field) .offset = offsetof(struct config_certificate, field)

static const struct goevd_option schema_certificate_options[] = {
    {.name = "certificate",
     .type = GOEVD_OPTION_STRING,
     CERTIFICATE(certificate),
     .flags = GOEVD_OPTION_REQUIRED | GOEVD_OPTION_PATH,
     .min = 1,
     .max = CONFIG_PATH_MAX,
     .help = "File with the certificate and, behind it, those that lead to its root, in PEM. It "
             "serves the names of its subjectAltName."},
    {.name = "key",
     .type = GOEVD_OPTION_STRING,
     CERTIFICATE(key),
     .flags = GOEVD_OPTION_PATH,
     .min = 1,
     .max = CONFIG_PATH_MAX,
     .help = "File with the private key, in PEM. It is read before the worker becomes `user`. "
             "Default: the file of the certificate."},
    {.name = "password_file",
     .type = GOEVD_OPTION_STRING,
     CERTIFICATE(password_file),
     .flags = GOEVD_OPTION_PATH,
     .min = 1,
     .max = CONFIG_PATH_MAX,
     .help = "File whose first line is the password of an encrypted key."},
    {0},
};

static const struct goevd_schema schema_certificate =
    GOEVD_SCHEMA(struct config_certificate, schema_certificate_options);

static const struct goevd_option schema_version_options[] = {
    {.type = GOEVD_OPTION_ENUM, .choices = schema_versions},
    {0},
};

static const struct goevd_schema schema_version = GOEVD_SCHEMA(int, schema_version_options);

static const struct goevd_option schema_protocol_options[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 64},
    {0},
};

static const struct goevd_schema schema_protocol =
    GOEVD_SCHEMA(struct goevd_str, schema_protocol_options);

#define CLIENT(field) .offset = offsetof(struct config_client, field)

static const struct goevd_option schema_client_options[] = {
    {.name = "ca",
     .type = GOEVD_OPTION_STRING,
     CLIENT(ca),
     .flags = GOEVD_OPTION_REQUIRED | GOEVD_OPTION_PATH,
     .min = 1,
     .max = CONFIG_PATH_MAX,
     .help = "File with the certificates of the authorities that issue certificates of clients, in "
             "PEM."},
    {.name = "crl",
     .type = GOEVD_OPTION_STRING,
     CLIENT(crl),
     .flags = GOEVD_OPTION_PATH,
     .min = 1,
     .max = CONFIG_PATH_MAX,
     .help = "File with their lists of revoked certificates, in PEM. Default: none is revoked."},
    {.name = "mode",
     .type = GOEVD_OPTION_ENUM,
     CLIENT(mode),
     .def = "required",
     .choices = schema_client_modes,
     .help = "required: clients without a certificate are refused. optional: they are served, and "
             "handlers see that there is none."},
    {.name = "depth",
     .type = GOEVD_OPTION_INT,
     CLIENT(depth),
     .def = "4",
     .min = 0,
     .max = 100,
     .help = "Certificates between that of a client and that of an authority."},
    {0},
};

static const struct goevd_schema schema_client =
    GOEVD_SCHEMA(struct config_client, schema_client_options);

static const struct goevd_option schema_tickets_options[] = {
    {.name = "lifetime",
     .type = GOEVD_OPTION_DURATION,
     .offset = offsetof(struct config_tickets, lifetime_ns),
     .def = "12h",
     .min = 0,
     .max = 12 * HOUR,
     .help = "Time for which a session can be resumed, in whole seconds; 0: no tickets."},
    {.name = "file",
     .type = GOEVD_OPTION_STRING,
     .offset = offsetof(struct config_tickets, file),
     .flags = GOEVD_OPTION_PATH,
     .min = 1,
     .max = CONFIG_PATH_MAX,
     .help =
         "File with the keys that seal tickets, 80 random bytes each, for several machines that "
         "share them. The first one seals. Default: goevd makes a new key every hour."},
    {0},
};

static const struct goevd_schema schema_tickets =
    GOEVD_SCHEMA(struct config_tickets, schema_tickets_options);

#define TLS(field) .offset = offsetof(struct config_tls, field)

static const struct goevd_option schema_tls_options[] = {
    {.name = "certificates",
     .type = GOEVD_OPTION_LIST,
     TLS(certificates),
     .flags = GOEVD_OPTION_REQUIRED,
     .min = 1,
     .max = 4096,
     .item = &schema_certificate,
     .help = "Certificates with their keys. The first serves clients that ask for no name, or for "
             "one that no certificate has."},
    {.name = "versions",
     .type = GOEVD_OPTION_LIST,
     TLS(versions),
     .def = "[1.2, 1.3]",
     .min = 1,
     .max = 2,
     .item = &schema_version,
     .help = "Versions of TLS that are spoken."},
    {.name = "ciphers",
     .type = GOEVD_OPTION_STRING,
     TLS(ciphers),
     .def = CIPHERS,
     .min = 1,
     .max = 4000,
     .help = "Ciphers of TLS 1.2 in OpenSSL's form, the preferred ones first. The ciphers of TLS "
             "1.3 are fixed."},
    {.name = "groups",
     .type = GOEVD_OPTION_STRING,
     TLS(groups),
     .def = "X25519:P-256:P-384",
     .min = 1,
     .max = 1000,
     .help = "Groups for the key exchange, the preferred ones first."},
    {.name = "alpn",
     .type = GOEVD_OPTION_LIST,
     TLS(alpn),
     .max = 16,
     .item = &schema_protocol,
     .help = "Protocols that are negotiated (ALPN), the preferred ones first. Default: those of "
             "the handler."},
    {.name = "strict_sni",
     .type = GOEVD_OPTION_BOOL,
     TLS(strict_sni),
     .def = "false",
     .help = "Refuse clients that ask for no name, or for one that no certificate has."},
    {.name = "tickets",
     .type = GOEVD_OPTION_RECORD,
     TLS(tickets),
     .def = "{}",
     .item = &schema_tickets,
     .help = "Tickets with which clients resume their sessions."},
    {.name = "client",
     .type = GOEVD_OPTION_RECORD,
     TLS(client),
     .item = &schema_client,
     .help = "Clients are asked for a certificate. Default: they are not."},
    {.name = "handshake_timeout",
     .type = GOEVD_OPTION_DURATION,
     TLS(handshake_timeout_ns),
     .def = "10s",
     .min = SECOND / 1000,
     .max = HOUR,
     .help = "Maximum time for a handshake."},
    {.name = "plain_http",
     .type = GOEVD_OPTION_ENUM,
     TLS(plain_http),
     .def = "refuse",
     .choices = schema_plain_http,
     .help = "HTTP requests without TLS on this port. refuse: status 400. redirect: status 308 to "
             "the same URL with https."},
    {0},
};

const struct goevd_schema schema_tls = GOEVD_SCHEMA(struct config_tls, schema_tls_options);
