#include "worker/certificates.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "ctl/json.h"
#include "net/tls/tls.h"

#define DAY_S INT64_C(86400)
#define WARN_DAYS 21 /* before it expires */

/* One certificate of a listener. */
struct certificate {
    const char *listener;
    const struct config_certificate *config;
    struct tls_cert_facts facts;
};

typedef void (*certificate_fn)(const struct certificate *c, void *arg);

static void
certificates_each(const struct setup *s, certificate_fn fn, void *arg)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        const struct config_listener *l = &s->config->listeners[i];

        for (size_t n = 0; s->listeners[i].tls && n < l->tls->certificates.count; n++) {
            struct certificate c = {
                .listener = l->name.data,
                .config = (const struct config_certificate *)l->tls->certificates.items + n,
            };

            tls_cert_describe(tls_server_cert(s->listeners[i].tls, n), &c.facts);
            fn(&c, arg);
        }
    }
}

/* ---- Warnings -------------------------------------------------------------------------------- */

static const char *
certificate_day(int64_t at_s, char *buf, size_t size)
{
    time_t at = (time_t)at_s;
    struct tm tm;

    if (!gmtime_r(&at, &tm) || strftime(buf, size, "%Y-%m-%dT%H:%MZ", &tm) == 0)
        snprintf(buf, size, "?");
    return buf;
}

static void
certificate_warn(const struct certificate *c, void *arg)
{
    int64_t now = time(NULL), left = c->facts.not_after_s - now;
    const char *file = c->config->certificate.data;
    const char *key = c->config->key.data ? c->config->key.data : file;
    char day[32];
    struct stat st;

    (void)arg;
    certificate_day(left < WARN_DAYS * DAY_S ? c->facts.not_after_s : c->facts.not_before_s, day,
                    sizeof(day));
    if (left < 0)
        log_warning("listener %s: the certificate %s expired at %s; clients will not accept it",
                    c->listener, file, day);
    else if (left < WARN_DAYS * DAY_S)
        log_warning("listener %s: the certificate %s expires in %" PRId64 " days, at %s",
                    c->listener, file, left / DAY_S, day);
    else if (c->facts.not_before_s > now)
        log_warning("listener %s: the certificate %s is not valid before %s; clients will not "
                    "accept it",
                    c->listener, file, day);
    if (stat(key, &st) == 0 && st.st_mode & S_IROTH)
        log_warning("listener %s: every user of this machine can read the key %s; chmod o-r it",
                    c->listener, key);
}

void
certificates_warn(const struct setup *s)
{
    certificates_each(s, certificate_warn, NULL);
}

/* ---- The list -------------------------------------------------------------------------------- */

struct certificate_list {
    FILE *out;
    const char *comma;
};

static void
certificate_print(const struct certificate *c, void *arg)
{
    const struct certificate_list *list = arg;
    char day[32], names[32] = "";

    if (c->facts.name_count > 1)
        snprintf(names, sizeof(names), " (+%zu)", c->facts.name_count - 1);
    fprintf(list->out, "%s%s  %s-%d  %s  %" PRId64 "d  %s  %s\n",
            *c->facts.name ? c->facts.name : "-", names, c->facts.key_type, c->facts.key_bits,
            certificate_day(c->facts.not_after_s, day, sizeof(day)),
            (c->facts.not_after_s - (int64_t)time(NULL)) / DAY_S, c->listener,
            c->config->certificate.data);
}

static void
certificate_print_json(const struct certificate *c, void *arg)
{
    struct certificate_list *list = arg;

    fprintf(list->out, "%s\n{\"listener\": ", list->comma);
    json_text(list->out, c->listener);
    fputs(", \"name\": ", list->out);
    json_text(list->out, c->facts.name);
    fprintf(list->out,
            ", \"names\": %zu, \"key\": \"%s\", \"bits\": %d, \"not_before\": %" PRId64
            ", \"not_after\": %" PRId64 ", \"file\": ",
            c->facts.name_count, c->facts.key_type, c->facts.key_bits, c->facts.not_before_s,
            c->facts.not_after_s);
    json_text(list->out, c->config->certificate.data);
    fputc('}', list->out);
    list->comma = ",";
}

int
certificates_text(const struct setup *s, bool json, char **ret_text, size_t *ret_len)
{
    struct certificate_list list = {.comma = ""};

    list.out = open_memstream(ret_text, ret_len);
    if (!list.out)
        return -ENOMEM;
    if (json)
        fputc('[', list.out);
    certificates_each(s, json ? certificate_print_json : certificate_print, &list);
    if (json)
        fputs("\n]\n", list.out);
    if (fclose(list.out) == 0)
        return 0;
    free(*ret_text);
    return -ENOMEM;
}
