/* goevd's own configuration: the keys at the top of goevd.yaml, typed, validated, immutable.
 *
 *   config.c             loading, and the parts that concern all of it
 *   config_reactors.c    reactors: checks across keys, derived fields
 *   config_listeners.c   listeners, likewise
 *   config_build.h       shared by these three
 *   config_schema.c      the keys at the top
 *   config_schema_net.c  the keys of reactors, listeners and connectors
 *   config_schema_tls.c  the keys of `tls:`
 *   config_schema.h      shared by these three
 */
#pragma once

#include "conf/schema/schema.h"
#include "conf/snapshot/snapshot.h"

#define CONFIG_POLLERS_MAX 256
#define CONFIG_REACTORS_MAX 256
#define CONFIG_LISTENERS_MAX 1024
#define CONFIG_CPUS_MAX 1024
#define CONFIG_PATH_MAX 4000
#define CONFIG_CONTROL_PATH_MAX 107 /* bytes, unix(7) */
#define CONFIG_SOCKET_MODE 0660     /* of unix sockets, where none is given */

enum config_cpus_mode {
    CONFIG_CPUS_AUTO = 0, /* pin where there are as many pollers as CPUs we may use */
    CONFIG_CPUS_NONE,     /* never pin */
    CONFIG_CPUS_LIST,     /* poller i on cpus[i mod cpu_count] */
};

enum config_listener_mode {
    CONFIG_MODE_REUSEPORT = 0,
    CONFIG_MODE_ACCEPTOR,
};

enum config_over_limit {
    CONFIG_OVER_LIMIT_CLOSE = 0, /* accept and close at once */
    CONFIG_OVER_LIMIT_WAIT,      /* leave them in the kernel's queue */
};

struct config_reactor {
    struct goevd_str name;
    int64_t read_buffer_bytes;
    int64_t write_buffer_bytes;
    int64_t buffer_cache_bytes;
    int64_t events_max;   /* taken by one epoll_wait */
    int64_t accepts_max;  /* taken from one socket in a row */
    int64_t messages_max; /* handled in one round */
    int64_t mailbox_max;  /* sends that may wait */
    int64_t stack_bytes;

    /* As written; the typed fields below are made from them. */
    struct goevd_str pollers_text;
    struct goevd_list cpus_text;

    unsigned pollers; /* of auto: as many as there are CPUs to run on */
    enum config_cpus_mode cpus_mode;
    const unsigned *cpus;
    size_t cpu_count;
};

/* Limits of connections, for a listener and for connectors. */
struct config_limits {
    int64_t idle_timeout_ns; /* 0: none */
    int64_t close_timeout_ns;
    int64_t linger_timeout_ns;
    int64_t linger_max_ns;
    int64_t tail_max_bytes;
    int64_t frame_max_bytes; /* 0: as much as tail_max holds */
    int64_t output_low_bytes;
    int64_t output_high_bytes;
    int64_t output_max_bytes;
    int64_t output_rate; /* bytes a second; 0: none */
    int64_t output_timeout_ns;
};

/* Options of sockets, likewise. */
struct config_socket {
    int64_t receive_buffer_bytes; /* 0: the kernel's */
    int64_t send_buffer_bytes;    /* 0: the kernel's */
    bool nodelay;
    int64_t keepalive_ns; /* idle time before the first probe; 0: off */
};

enum config_proxy_others {
    CONFIG_PROXY_OTHERS_ACCEPT = 0, /* they are clients */
    CONFIG_PROXY_OTHERS_REFUSE,
};

/* Proxies that send the address of their client. */
struct config_proxy {
    struct goevd_list from; /* of struct goevd_str: networks */
    int64_t timeout_ns;
    int64_t header_max_bytes;
    int others; /* enum config_proxy_others */
};

enum config_plain_http {
    CONFIG_PLAIN_HTTP_REFUSE = 0, /* 400 */
    CONFIG_PLAIN_HTTP_REDIRECT,   /* 308 to https:// */
};

enum config_tls_version {
    CONFIG_TLS_1_2 = 0,
    CONFIG_TLS_1_3,
};

/* A certificate with its key: files in PEM. */
struct config_certificate {
    struct goevd_str certificate;
    struct goevd_str key;           /* data NULL: in the file of the certificate */
    struct goevd_str password_file; /* data NULL: the key is not encrypted */
};

enum config_client_mode {
    CONFIG_CLIENT_REQUIRED = 0,
    CONFIG_CLIENT_OPTIONAL,
};

/* Certificates of clients. */
struct config_client {
    struct goevd_str ca;
    struct goevd_str crl; /* data NULL: none */
    int mode;             /* enum config_client_mode */
    int64_t depth;
};

/* Session tickets. */
struct config_tickets {
    int64_t lifetime_ns;   /* 0: none */
    struct goevd_str file; /* data NULL: goevd makes the keys */
};

struct config_tls {
    struct goevd_list certificates; /* of struct config_certificate */
    struct goevd_list versions;     /* of int, enum config_tls_version */
    struct goevd_str ciphers;
    struct goevd_str groups;
    struct goevd_list alpn; /* of struct goevd_str; empty: as the handler offers */
    bool strict_sni;
    const struct config_tickets *tickets;
    const struct config_client *client; /* NULL: clients are not asked for certificates */
    int64_t handshake_timeout_ns;
    int plain_http; /* enum config_plain_http */
};

struct config_listener {
    struct goevd_str name; /* the address where none is given */
    struct goevd_str address;
    int mode; /* enum config_listener_mode */
    struct goevd_plugin *handler;

    /* The socket. */
    int64_t backlog;
    struct config_socket socket;
    int64_t defer_accept_ns; /* 0: off */
    bool ipv6_only;
    bool steer;
    int64_t imbalance_percent;
    struct goevd_str socket_owner; /* data NULL: not changed */
    struct goevd_str socket_group;

    /* Connections. */
    const struct config_proxy *proxy; /* NULL: none is a proxy */
    const struct config_tls *tls;     /* NULL: connections are plain */
    int64_t connections_max;
    int64_t connections_per_client_max; /* 0: any number */
    int over_limit;                     /* enum config_over_limit */
    struct config_limits limits;

    /* As written; the typed fields below are made from them. */
    struct goevd_str reactor_text;
    struct goevd_str accept_reactor_text;
    struct goevd_str socket_mode_text;

    unsigned reactor;        /* index of the one that serves */
    unsigned accept_reactor; /* index of the one that accepts; the same with reuseport */
    unsigned socket_mode;    /* permission bits of a unix socket */
};

/* Lines that repeat: `max` of them are logged in an interval, and the others counted. */
struct config_repeats {
    int64_t max; /* 0: no limit */
    int64_t interval_ns;
};

struct config_log {
    int level;               /* index: error, warning, notice, info, debug */
    struct goevd_str target; /* auto, stderr, journal, or an absolute path */
    int format;              /* index: text, keyvalue, json */
    const struct config_repeats *repeats;
};

struct config_work_pool {
    int64_t threads; /* for jobs of plugins; then for the other kinds */
    int64_t compute_threads, file_threads, name_threads, log_threads;
    int64_t queue_max; /* jobs of one share that may wait */
    int64_t stack_bytes;
};

/* Outgoing connections. */
struct config_connectors {
    int64_t timeout_ns;
    int64_t name_keep_ns, name_stale_ns;
    struct config_socket socket;
    struct config_limits limits;
};

/* Limits and time-outs of workers, for the supervisor. */
struct config_processes {
    int64_t workers_max;
    int64_t start_timeout_ns;
    int64_t drain_timeout_ns;
    int64_t drain_min_ns;
    int64_t crashes_max;
    int64_t crash_window_ns;
    int64_t restart_timeout_ns;
};

enum config_hang_action {
    CONFIG_HANG_LOG = 0,
    CONFIG_HANG_ABORT, /* the worker, which is replaced */
};

struct config_hang {
    int64_t timeout_ns; /* 0: no check */
    int action;         /* enum config_hang_action */
};

struct config_control {
    struct goevd_str socket; /* data NULL: none */
};

/* The top level as the schema fills it. */
struct config_top {
    struct goevd_list include; /* always empty: followed while reading, see conf/schema/include.h */
    const struct config_log *log;
    const struct config_control *control;
    const struct config_work_pool *work_pool;
    const struct config_connectors *connectors;
    const struct config_hang *hang;
    const struct config_processes *processes;
    struct goevd_str user;
    struct goevd_str group;
    struct goevd_str pid_file;
    struct goevd_str plugin_dir;
    int64_t stop_timeout_ns;
    int64_t stop_delay_ns;
    int64_t open_files_max;
    struct goevd_list reactors;  /* of struct config_reactor */
    struct goevd_list listeners; /* of struct config_listener */
};

struct config {
    const struct config_work_pool *work_pool;
    const struct config_connectors *connectors;
    const struct config_hang *hang;
    const struct config_processes *processes;
    const struct config_log *log;
    int log_level;                   /* LOG_ERR to LOG_DEBUG of syslog(3) */
    struct goevd_str control_socket; /* absolute; data NULL: none */
    struct goevd_str user;           /* data NULL: no other user */
    struct goevd_str group;          /* data NULL: the user's */
    struct goevd_str pid_file;       /* absolute; data NULL: none */
    struct goevd_str plugin_dir;     /* absolute; data NULL: not given */
    int64_t stop_timeout_ns;
    int64_t stop_delay_ns;
    int64_t open_files_max; /* 0: raise the soft limit to the hard one */
    const struct config_reactor *reactors;
    size_t reactor_count;
    const struct config_listener *listeners;
    size_t listener_count;

    unsigned holders; /* for those that share it */

    /* For config_error() and config_dump(). */
    const struct conf_node *root;
    const struct config_top *top;
    struct conf_places places;
    struct arena arena;
};

extern const struct goevd_schema config_schema;

/* Read, validate, and load the plugins it names.
 *
 * Returns  0 with *ret_config; negative with every reason in errors, sorted.
 */
int config_load(const char *file, const struct conf_resolver *resolver, struct config **ret_config,
                struct conf_errors *errors);

/* Checks of a layer above: it adds errors about a configuration with config_error(). */
typedef void (*config_check_fn)(void *ctx, const struct config *config, struct conf_errors *errors);

/* The same from a snapshot, or into one (NULL: neither); and `check` is called before it returns,
 * also where there are errors already, so that all are reported at once: refused values are zero,
 * or have data NULL. It is not called if a file could not be read. */
int config_load_checked(const char *file, struct snapshot *snapshot,
                        const struct conf_resolver *resolver, config_check_fn check, void *ctx,
                        struct config **ret_config, struct conf_errors *errors);

/* A value that replaces the one at a path such as listeners[0].idle_timeout, or is added there. */
struct config_override {
    const char *path;
    const char *text;
};

/* The configuration `file`, which lives longer, with other values: validated anew from its tree by
 * the same rules, so that plugins are asked for again. 0; negative with the reasons in errors. */
int config_override(const struct config *file, const struct config_override *overrides,
                    size_t count, const struct conf_resolver *resolver, struct config **ret_config,
                    struct conf_errors *errors);

/* NULL does nothing. */
void config_free(struct config *config);

/* Note an error about the node at a path such as `listeners[0].address`, at its position. For the
 * layers above, which know more: `config_error(config, errors, path, …)`. Returns -EINVAL. */
int config_error(const struct config *config, struct conf_errors *errors, const char *path,
                 const char *format, ...) PRINTF(4, 5);

/* Print the effective configuration. Returns 0 or negative as conf_dump() does. */
int config_dump(const struct config *config, FILE *out);
