#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/util.h"
#include "ctl/client/print.h"
#include "ctl/client/rates.h"
#include "process/exit.h"

/* The exit status of each state. */
static const struct {
    const char *state;
    int status;
} print_states[] = {
    {"serving", EXIT_OK},           {"reloading", EXIT_OK},
    {"starting", EXIT_NOT_SERVING}, {"restarting", EXIT_NOT_SERVING},
    {"stopping", EXIT_NOT_SERVING}, {"stuck", EXIT_STUCK},
};

static int
print_status_exit(const char *state)
{
    for (size_t i = 0; i < ARRAY_LEN(print_states); i++)
        if (strcmp(state, print_states[i].state) == 0)
            return print_states[i].status;
    return EXIT_NOT_SERVING;
}

static const char *
print_status_fact(const struct record *records, unsigned count, const char *key)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(records[i].fields[1], key) == 0)
            return records[i].fields[2];
    return "";
}

/* The file on disk beside the configuration that serves: "as loaded", "changed" since then,
 * "missing", or "" if that is unknown. Includes are ignored. */
static const char *
print_status_config(const struct record *records, unsigned count)
{
    const char *path = print_status_fact(records, count, "config");
    time_t loaded = (time_t)strtoll(print_status_fact(records, count, "config_since"), NULL, 10);
    struct stat st;

    if (*path != '/')
        return "";
    if (stat(path, &st) < 0)
        return errno == ENOENT ? "missing" : "";
    if (!S_ISREG(st.st_mode))
        return "";
    return st.st_ctime > loaded ? "changed" : "as loaded";
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* "2026-01-31T12:00:00Z, 3h ago" */
static void
print_status_when(const char *seconds)
{
    uint64_t then = strtoull(seconds, NULL, 10), now = (uint64_t)time(NULL);
    char at[PRINT_TIME_MAX], ago[PRINT_AMOUNT_MAX];

    then = MIN(then, now);
    if (now - then < 10)
        snprintf(ago, sizeof(ago), "%" PRIu64 "s", now - then);
    else
        print_duration((now - then) * 1000, ago);
    printf("%s, %s ago", print_time(then, at), ago);
}

static void
print_status_key(const char *key)
{
    char words[32];

    snprintf(words, sizeof(words), "%s", key);
    for (char *c = strchr(words, '_'); c; c = strchr(c, '_'))
        *c = ' ';
    printf("%-12s ", words);
}

/* kind, key, time, ok, text */
static void
print_status_event(char **fields)
{
    if (strcmp(fields[2], "0") == 0) {
        printf("none");
        return;
    }
    print_status_when(fields[2]);
    printf(": %s%s", strcmp(fields[1], "last_reload") == 0 && *fields[3] == '0' ? "failed: " : "",
           fields[4]);
}

/* kind, pid, state, since, connections, release */
static void
print_status_worker(char **fields)
{
    printf("%s: %s since ", fields[1], fields[2]);
    print_status_when(fields[3]);
    printf(", %s connection%s, version %s", fields[4], strcmp(fields[4], "1") == 0 ? "" : "s",
           *fields[5] ? fields[5] : "unknown");
}

/* `file` is the result of print_status_config(). */
static void
print_status_line(char **fields, const char *file, const struct rates *rates)
{
    const char *kind = fields[0];
    bool worker = strcmp(kind, "worker") == 0;

    print_status_key(worker ? kind : fields[1]);
    if (worker)
        print_status_worker(fields);
    else if (strcmp(kind, "event") == 0)
        print_status_event(fields);
    else if (strcmp(kind, "time") == 0)
        print_status_when(fields[2]);
    else
        fputs(fields[2], stdout);
    if (strcmp(fields[1], "config") == 0 && *file && strcmp(file, "as loaded") != 0)
        printf(" (%s on disk)", file);
    if (strcmp(fields[1], "state") == 0 && rates) {
        fputs(": ", stdout);
        rates_print(rates, stdout);
    }
    putchar('\n');
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void
print_status_json_time(const char *seconds)
{
    char at[PRINT_TIME_MAX];

    if (strcmp(seconds, "0") == 0)
        printf("null");
    else
        printf("\"%s\"", print_time(strtoull(seconds, NULL, 10), at));
}

static void
print_status_json_event(char **fields)
{
    printf("{\"time\": ");
    print_status_json_time(fields[2]);
    printf(", \"ok\": %s, \"text\": \"%s\"}", *fields[3] == '1' ? "true" : "false", fields[4]);
}

static void
print_status_json_worker(char **fields, bool first)
{
    printf("%s\n  {\"pid\": %s, \"state\": \"%s\", \"since\": ", first ? "\"workers\": [" : ",",
           fields[1], fields[2]);
    print_status_json_time(fields[3]);
    printf(", \"connections\": %s, \"version\": \"%s\"}", fields[4], fields[5]);
}

static void
print_status_json_fact(char **fields)
{
    printf("\"%s\": ", fields[1]);
    if (strcmp(fields[0], "event") == 0)
        print_status_json_event(fields);
    else if (strcmp(fields[0], "time") == 0)
        print_status_json_time(fields[2]);
    else
        printf(strcmp(fields[0], "number") == 0 ? "%s" : "\"%s\"", fields[2]);
    printf(",\n ");
}

static void
print_status_json_rate(const char *key, double value)
{
    if (isnan(value))
        printf("\"%s\": null,\n ", key);
    else
        printf("\"%s\": %.6g,\n ", key, value);
}

static void
print_status_json_rates(const struct rates *rates)
{
    print_status_json_rate("requests_per_second", rates->requests);
    print_status_json_rate("errors_per_second", rates->errors);
    print_status_json_rate("accepted_per_second", rates->accepted);
    print_status_json_rate("p99_seconds", rates->p99);
}

/* Workers come last. */
static void
print_status_json(struct record *records, unsigned count, const char *file,
                  const struct rates *rates)
{
    bool first = true;

    printf("{");
    if (*file)
        printf("\"config_file\": \"%s\",\n ", file);
    if (rates)
        print_status_json_rates(rates);
    for (unsigned i = 0; i < count; i++) {
        char **fields = records[i].fields;

        if (strcmp(fields[0], "worker") == 0) {
            print_status_json_worker(fields, first);
            first = false;
        } else {
            print_status_json_fact(fields);
        }
    }
    printf("%s]}\n", first ? "\"workers\": [" : "\n ");
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
print_status(struct record *records, unsigned count, const struct rates *rates, bool json)
{
    const char *file = print_status_config(records, count);

    for (unsigned i = 0; i < count && !json; i++)
        print_status_line(records[i].fields, file, rates);
    if (json)
        print_status_json(records, count, file, rates);
    return print_status_exit(print_status_fact(records, count, "state"));
}
