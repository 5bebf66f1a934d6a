/* goevd/tls.h - TLS of outgoing connections.
 *
 * A plugin gives its users the options of this header, as `tls: {…}`, makes a goevd_tls of them in
 * create, and names it in goevd_connect_request.tls.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_TLS_H
#define GOEVD_TLS_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How servers are verified, and how this side identifies itself. Files are read in create, as the
 * user that workers run as. */
struct goevd_tls_options {
    struct goevd_str ca;   /* trusted authorities, in PEM; data NULL: those of the system */
    struct goevd_str name; /* of the server; data NULL: the host that is connected to */
    bool verify;
    struct goevd_str certificate; /* to be shown to the server; data NULL: none */
    struct goevd_str key;         /* data NULL: in the file of the certificate */
    struct goevd_str password_file;
};

/* Define a schema of that name, for an option of type RECORD, once in a source file. */
#define GOEVD_TLS_SCHEMA(schema_name)                                                              \
    static const struct goevd_option schema_name##_options[] = {                                   \
        {GOEVD_OPTION(struct goevd_tls_options, ca, "ca", STRING), .flags = GOEVD_OPTION_PATH,     \
         .min = 1, .max = 4000,                                                                    \
         .help = "File with the certificates of trusted authorities, in PEM. Default: those of "   \
                 "the system."},                                                                   \
        {GOEVD_OPTION(struct goevd_tls_options, name, "name", STRING), .min = 1, .max = 255,       \
         .help = "Name that the certificate of the server must have. Default: the host of its "    \
                 "address."},                                                                      \
        {GOEVD_OPTION(struct goevd_tls_options, verify, "verify", BOOL), .def = "true",            \
         .help = "Refuse a server whose certificate cannot be verified. false: any machine "       \
                 "between can read and change the bytes."},                                        \
        {GOEVD_OPTION(struct goevd_tls_options, certificate, "certificate", STRING),               \
         .flags = GOEVD_OPTION_PATH, .min = 1, .max = 4000,                                        \
         .help = "File with a certificate that is shown to the server, in PEM. Default: none."},   \
        {GOEVD_OPTION(struct goevd_tls_options, key, "key", STRING), .flags = GOEVD_OPTION_PATH,   \
         .min = 1, .max = 4000,                                                                    \
         .help = "File with its private key, in PEM. Default: the file of the certificate."},      \
        {GOEVD_OPTION(struct goevd_tls_options, password_file, "password_file", STRING),           \
         .flags = GOEVD_OPTION_PATH, .min = 1, .max = 4000,                                        \
         .help = "File whose first line is the password of an encrypted key."},                    \
        {.type = GOEVD_OPTION_END},                                                                \
    };                                                                                             \
    static const struct goevd_schema schema_name =                                                 \
        GOEVD_SCHEMA(struct goevd_tls_options, schema_name##_options)

struct goevd_tls; /* of an instance, until its destroy has returned */

/* The functions below, in the table that goevd_host->tls points to. */
struct goevd_host_tls {
    struct goevd_version version;

    int (*tls_new)(struct goevd_self *self, const char *option,
                   const struct goevd_tls_options *options, const char *to,
                   struct goevd_tls **ret_tls);
};

/* Prepare TLS of connections to one server. The versions are 1.2 and 1.3.
 *
 * option   name of the option that `options` come from, such as "tls": errors name it.
 * to       the address that will be connected to. Its host is verified unless options->name is set.
 * ret_tls  for goevd_connect_request.tls; goevd frees it after destroy.
 * Thread   [main] in create.
 * Returns  0; -EINVAL after an error was reported, as by goevd_refuse(); -ENOMEM.
 * Source   RFC 8446, RFC 9525.
 */
static inline int
goevd_tls_new(struct goevd_self *self, const char *option, const struct goevd_tls_options *options,
              const char *to, struct goevd_tls **ret_tls)
{
    return goevd_host->tls->tls_new(self, option, options, to, ret_tls);
}

#ifdef __cplusplus
}
#endif

#endif
