/* basic_auth - passes requests with a valid password on (RFC 7617). An HTTP handler that stands
 * before others.
 *
 *   credentials.c  name and password of a request
 *   verified.c     cache of verified passwords
 *   users.c        the file of users
 *
 * Hashes are slow on purpose, so they run on the work pool. An unknown name is hashed, too, with
 * the hash of a user chosen by the name, so that response times do not reveal which names exist.
 */
#include <assert.h>
#include <crypt.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <nettle/memops.h>

#include <goevd/http.h>
#include <goevd/metrics.h>

#include "basic_auth/credentials.h"
#include "basic_auth/users.h"
#include "basic_auth/verified.h"

GOEVD_HTTP_TABLE;

static_assert(AUTH_CREDENTIALS_PART_MAX <= GOEVD_HTTP_USER_MAX, "each name can be reported");

struct auth_options {
    struct goevd_str users;
    struct goevd_str realm;
    int64_t users_max;
    int64_t verified_max;
    int64_t checks_max;
};

struct auth {
    struct goevd_self *self;
    const struct auth_options *options;
    struct auth_users users;
    char challenge[320];
    uint8_t key[AUTH_VERIFIED_KEY_SIZE];
    atomic_uint checks; /* checks in progress */
    struct {
        int checked, refused, busy;
    } metrics;
};

/* One password check. */
struct auth_check {
    struct auth *auth;
    const char *hash;
    bool known; /* the hash belongs to the name */
    uint8_t mac[AUTH_VERIFIED_MAC_SIZE];
    char name[AUTH_CREDENTIALS_PART_MAX + 1];
    char password[AUTH_CREDENTIALS_PART_MAX + 1];
    struct crypt_data crypt;
};

/* ---- Options --------------------------------------------------------------------------------- */

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct auth_options, users, "users", STRING),
     .flags = GOEVD_OPTION_REQUIRED | GOEVD_OPTION_PATH, .min = 1, .max = 4095,
     .help = "File of names and hashes of passwords, read at start and reload."},
    {GOEVD_OPTION(struct auth_options, realm, "realm", STRING), .def = "goevd", .max = 256,
     .help = "Text that browsers show when they ask for the password."},
    {GOEVD_OPTION(struct auth_options, users_max, "users_max", INT), .def = "10000", .min = 1,
     .max = 1000000, .help = "Users in the file."},
    {GOEVD_OPTION(struct auth_options, verified_max, "verified_max", INT), .def = "1024", .min = 0,
     .max = 1000000,
     .help = "Verified passwords that each poller remembers; 0: each request is checked."},
    {GOEVD_OPTION(struct auth_options, checks_max, "checks_max", INT), .def = "16", .min = 1,
     .max = 10000, .help = "Checks that run or wait at the same time; further requests get 503."},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema options_schema = GOEVD_SCHEMA(struct auth_options, options_table);

/* ---- On the work pool ------------------------------------------------------------------------ */

/* 0; -EACCES: the password is wrong; -ENOMEM. */
static int
auth_check_run(void *arg)
{
    struct auth_check *check = arg;
    size_t len = strlen(check->hash);
    const char *made;

    errno = 0;
    made = crypt_rn(check->password, check->hash, &check->crypt, (int)sizeof(check->crypt));
    if (!made)
        return errno == ENOMEM ? -ENOMEM : -EACCES;
    return strlen(made) == len && memeql_sec(made, check->hash, len) && check->known ? 0 : -EACCES;
}

static void
auth_check_free(struct auth_check *check)
{
    atomic_fetch_sub(&check->auth->checks, 1);
    explicit_bzero(check, sizeof(*check));
    free(check);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void
auth_count(const struct auth *a, const struct goevd_http_request *r, int metric)
{
    goevd_metric_add(a->self, goevd_http_poller(r), metric, 1);
}

static int
auth_refuse(const struct auth *a, struct goevd_http_request *r)
{
    int result = goevd_http_add_header(r, "WWW-Authenticate", a->challenge);

    auth_count(a, r, a->metrics.refused);
    return result < 0 ? result : goevd_http_reply(r, 401, NULL, NULL, 0);
}

static int
auth_busy(const struct auth *a, struct goevd_http_request *r)
{
    int result = goevd_http_add_header(r, "Retry-After", "1");

    auth_count(a, r, a->metrics.busy);
    return result < 0 ? result : goevd_http_reply(r, 503, NULL, NULL, 0);
}

/* Pass the name to the handlers behind this one. It is not empty: the file has no such user. */
static int
auth_pass(struct goevd_http_request *r, const char *name)
{
    int result = goevd_http_set_user(r, name, strlen(name));

    return result < 0 ? result : goevd_http_next(r);
}

static void
auth_checked(struct goevd_http_request *r, void *state, void *arg, int result)
{
    struct auth_check *check = arg;
    const struct auth *a = check->auth;
    int sent = 0;

    (void)state;
    if (r && result == 0) {
        auth_verified_add(goevd_http_local(r), check->mac);
        sent = auth_pass(r, check->name);
    } else if (r) {
        sent = result == -EACCES ? auth_refuse(a, r) : auth_busy(a, r);
    }
    if (sent < 0)
        goevd_http_abort(r);
    auth_check_free(check);
}

/* The user whose hash the password is checked against. */
static const struct auth_user *
auth_user(const struct auth *a, const char *name, bool *ret_known)
{
    const struct auth_user *user = auth_users_find(&a->users, name);
    uint8_t mac[AUTH_VERIFIED_MAC_SIZE];
    uint64_t number;

    *ret_known = user != NULL;
    auth_verified_mac(a->key, name, NULL, mac);
    memcpy(&number, mac, sizeof(number));
    return user ? user : &a->users.all[number % a->users.count];
}

static int
auth_submit(struct auth *a, struct goevd_http_request *r, const struct auth_credentials *said,
            const uint8_t mac[AUTH_VERIFIED_MAC_SIZE])
{
    struct auth_check *check;
    int result;

    if (atomic_fetch_add(&a->checks, 1) >= (unsigned)a->options->checks_max) {
        atomic_fetch_sub(&a->checks, 1);
        return auth_busy(a, r);
    }
    check = calloc(1, sizeof(*check));
    if (!check) {
        atomic_fetch_sub(&a->checks, 1);
        return -ENOMEM;
    }
    check->auth = a;
    check->hash = auth_user(a, said->name, &check->known)->hash;
    memcpy(check->mac, mac, sizeof(check->mac));
    memcpy(check->name, said->name, sizeof(check->name));
    memcpy(check->password, said->password, sizeof(check->password));
    result =
        goevd_http_submit(a->self, r, GOEVD_SUBMIT_COMPUTE, auth_check_run, auth_checked, check);
    if (result == 0) {
        auth_count(a, r, a->metrics.checked);
        return 0;
    }
    auth_check_free(check);
    return result == -ENOMEM ? result : auth_busy(a, r);
}

/* The value of the only header Authorization; empty: none, or several. A proxy in front might
 * evaluate another one of several than goevd does, so they count as none. */
static struct goevd_str
auth_header(const struct goevd_http_request *r)
{
    static const char wanted[] = "Authorization";
    struct goevd_str name, value, found = {.data = ""};
    unsigned count = 0;

    for (size_t i = 0; goevd_http_header_at(r, i, &name, &value); i++)
        if (name.len == sizeof(wanted) - 1 && strncasecmp(name.data, wanted, name.len) == 0) {
            found = value;
            count++;
        }
    return count == 1 ? found : (struct goevd_str){.data = ""};
}

static int
auth_request(struct goevd_http_request *r, void *state)
{
    struct auth *a = goevd_http_instance(r);
    struct auth_credentials said = {0};
    uint8_t mac[AUTH_VERIFIED_MAC_SIZE];
    int result;

    (void)state;
    if (!auth_credentials_read(auth_header(r), &said)) {
        explicit_bzero(&said, sizeof(said));
        return auth_refuse(a, r);
    }
    auth_verified_mac(a->key, said.name, said.password, mac);
    result = auth_verified_has(goevd_http_local(r), mac) ? auth_pass(r, said.name)
                                                         : auth_submit(a, r, &said, mac);
    explicit_bzero(&said, sizeof(said));
    return result;
}

/* ---- The life of an instance ----------------------------------------------------------------- */

/* Whether the text fits into a quoted-string, RFC 9110 section 5.6.4, without escapes. */
static int
auth_make_challenge(struct auth *a)
{
    const struct goevd_str *realm = &a->options->realm;

    for (size_t i = 0; i < realm->len; i++)
        if (realm->data[i] < ' ' || realm->data[i] > '~' || strchr("\"\\", realm->data[i]))
            return goevd_refuse(
                a->self, "realm",
                "\"%s\" has a quote, a backslash, or bytes that are not printable ASCII",
                realm->data);
    snprintf(a->challenge, sizeof(a->challenge), "Basic realm=\"%s\", charset=\"UTF-8\"",
             realm->data);
    return 0;
}

static int
auth_register(struct auth *a)
{
    const struct {
        int *ret;
        struct goevd_metric about;
    } all[] = {
        {&a->metrics.checked,
         {.name = "goevd_basic_auth_passwords_checked_total",
          .help = "Requests whose password was checked by its hash.",
          .type = GOEVD_METRIC_COUNTER}},
        {&a->metrics.refused,
         {.name = "goevd_basic_auth_requests_refused_total",
          .help = "Requests that were refused with 401.",
          .type = GOEVD_METRIC_COUNTER}},
        {&a->metrics.busy,
         {.name = "goevd_basic_auth_requests_busy_total",
          .help = "Requests that were answered with 503 because too many were being checked.",
          .type = GOEVD_METRIC_COUNTER}},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        int number = goevd_metric_new(a->self, &all[i].about, NULL);

        if (number < 0)
            return number;
        *all[i].ret = number;
    }
    return 0;
}

static void
auth_destroy(void *instance)
{
    struct auth *a = instance;

    auth_users_fini(&a->users);
    explicit_bzero(a, sizeof(*a));
    free(a);
}

static int
auth_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct auth *a = calloc(1, sizeof(*a));
    int r;

    if (!a)
        return -ENOMEM;
    a->self = self;
    a->options = options;
    r = auth_make_challenge(a);
    if (r == 0)
        r = auth_users_init(&a->users, self, "users", a->options->users.data,
                            (size_t)a->options->users_max);
    if (r == 0 && getrandom(a->key, sizeof(a->key), 0) != sizeof(a->key))
        r = -EIO;
    if (r == 0)
        r = auth_register(a);
    if (r < 0) {
        auth_destroy(a);
        return r;
    }
    *ret_instance = a;
    return 0;
}

static void
auth_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    (void)instance, (void)poller;
    auth_verified_fini(local);
    free(local);
}

static int
auth_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    const struct auth *a = instance;
    struct auth_verified *v = calloc(1, sizeof(*v));

    (void)poller;
    if (!v)
        return -ENOMEM;
    if (auth_verified_init(v, (size_t)a->options->verified_max) < 0) {
        free(v);
        return -ENOMEM;
    }
    *ret_local = v;
    return 0;
}

static const void *
auth_interface(const char *id)
{
    static const struct goevd_http_handler handler = {
        .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
        .http = &goevd_http,
        .on_request = auth_request,
    };

    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "basic_auth", .description = "admits requests with a valid password",
             .options = &options_schema, .create = auth_create, .destroy = auth_destroy,
             .poller_start = auth_poller_start, .poller_stop = auth_poller_stop,
             .interface = auth_interface);
