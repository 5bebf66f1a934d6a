#include "ctl/client/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/fetch.h"
#include "ctl/client/print.h"
#include "ctl/client/top.h"
#include "ctl/status.h"
#include "process/exit.h"

#define CLIENT_LINE_MAX 1200 /* more than the control socket takes */
#define RECORDS_MAX 48       /* of a status */
#define NUMBER_MAX 24
#define LOAD_WAIT_S 1 /* for a worker that may be stuck, and has not been noticed yet */

struct client {
    const char *path; /* of the socket */
    const struct ctl_request *request;
    struct print_reply replies[STATUS_WORKERS_MAX];
    unsigned count;
    char *workers; /* the reply to status, which names them */
    char *refusal; /* the first; NULL: none has refused */
};

/* A newline would end the request in the middle. */
int
client_check_words(const struct ctl_request *request)
{
    bool newline = request->listener && strchr(request->listener, '\n');

    for (int i = 0; i < request->word_count; i++)
        newline = newline || strchr(request->words[i], '\n');
    if (!newline)
        return 0;
    fprintf(stderr, "goevd: a request is one line: a newline is in it\n");
    return -EINVAL;
}

/* ---- One reply, printed as it is ------------------------------------------------------------- */

static int
client_line(const struct ctl_request *request, char **ret_line)
{
    size_t len = 0;
    FILE *out = open_memstream(ret_line, &len);

    if (!out)
        return -ENOMEM;
    for (int i = 0; i < request->word_count; i++)
        fprintf(out, "%s%s", i ? " " : "", request->words[i]);
    fputs(request->json ? " --json" : "", out);
    fputs(request->all ? " --all" : "", out);
    if (request->listener)
        fprintf(out, " --listener %s", request->listener);
    return fclose(out) == 0 ? 0 : -ENOMEM;
}

static void
client_refused(const struct client *c, const char *reason)
{
    if (!c->request->quiet)
        fprintf(stderr, "goevd: %s", reason);
}

static int
client_plain(struct client *c)
{
    _cleanup_free_ char *line = NULL, *text = NULL;
    int r = client_line(c->request, &line);

    if (r == 0)
        r = fetch(c->path, line, &text);
    if (r < 0)
        fetch_complain(c->path, r);
    else if (r > 0)
        client_refused(c, text);
    else
        fputs(text, stdout);
    return r == 0 ? EXIT_OK : EXIT_REFUSED;
}

/* How many connections a worker has now; if it does not reply, the number of its last heartbeat.
 */
static uint64_t
client_load(const struct client *c, char **fields, char number[NUMBER_MAX])
{
    _cleanup_free_ char *text = NULL;
    char line[64];

    snprintf(line, sizeof(line), "worker %s load", fields[1]);
    if (strcmp(fields[2], "stuck") != 0 && strcmp(fields[2], "starting") != 0 &&
        fetch_within(c->path, line, LOAD_WAIT_S, &text) == 0) {
        snprintf(number, NUMBER_MAX, "%" PRIu64, (uint64_t)strtoull(text, NULL, 10));
        fields[4] = number;
    }
    return strtoull(fields[4], NULL, 10);
}

/* The worker that serves may be asked. */
static bool
client_serves(const struct record *records, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(records[i].fields[1], "state") == 0)
            return strcmp(records[i].fields[2], "serving") == 0 ||
                   strcmp(records[i].fields[2], "reloading") == 0;
    return false;
}

static int
client_print_status(const struct client *c, char *text)
{
    struct record records[RECORDS_MAX];
    char numbers[RECORDS_MAX][NUMBER_MAX], sum[NUMBER_MAX];
    unsigned count = record_split_all(text, records, RECORDS_MAX);
    uint64_t total = 0;
    struct rates rates;
    bool known;

    for (unsigned i = 0; i < count; i++)
        if (strcmp(records[i].fields[0], "worker") == 0)
            total += client_load(c, records[i].fields, numbers[i]);
    snprintf(sum, sizeof(sum), "%" PRIu64, total);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(records[i].fields[1], "connections") == 0)
            records[i].fields[2] = sum;
    known = client_serves(records, count) && rates_fetch(c->path, &rates);
    return print_status(records, count, known ? &rates : NULL, c->request->json);
}

static int
client_status(struct client *c)
{
    _cleanup_free_ char *text = NULL;
    int r = fetch(c->path, "status", &text);

    if (r < 0)
        fetch_complain(c->path, r);
    else if (r > 0)
        client_refused(c, text);
    return r == 0 ? client_print_status(c, text) : EXIT_REFUSED;
}

/* ---- Of each worker -------------------------------------------------------------------------- */

/* Its reply is kept; 1: it has none, because it has ended or refuses; negative. */
static int
client_add(struct client *c, const char *worker, const char *command)
{
    char line[CLIENT_LINE_MAX], *text;
    int r;

    snprintf(line, sizeof(line), "worker %s %s%s%s", worker, command,
             c->request->listener ? " --listener " : "",
             c->request->listener ? c->request->listener : "");
    r = fetch(c->path, line, &text);
    if (r == 0) {
        c->replies[c->count++] = (struct print_reply){worker, text};
        return 0;
    }
    if (r > 0 && !c->refusal)
        c->refusal = text;
    else
        free(text);
    return r;
}

static void
client_missing(const char *worker)
{
    fprintf(stderr, "goevd: worker %s does not answer; its part is missing\n", worker);
}

/* Ask those that serve and drain. Negative: one has not answered. */
static int
client_add_all(struct client *c, const char *command)
{
    char *fields[RECORD_FIELDS_MAX], *at, *line;
    int r = fetch(c->path, "status", &c->workers), missing = 0;

    if (r != 0)
        return r;
    at = c->workers;
    while ((line = record_next(&at)) && c->count < ARRAY_LEN(c->replies)) {
        record_split(line, fields);
        if (strcmp(fields[0], "worker") != 0 || strcmp(fields[2], "starting") == 0)
            continue;
        r = strcmp(fields[2], "stuck") == 0 ? -EAGAIN : client_add(c, fields[1], command);
        if (r < 0) {
            client_missing(fields[1]);
            missing = r;
        }
    }
    return missing;
}

/* Where none has replied the first refusal stands for all. */
static int
client_collect(struct client *c, const char *worker, const char *command)
{
    int r = worker ? client_add(c, worker, command) : client_add_all(c, command);

    if (c->count > 0)
        return r < 0 ? EXIT_REFUSED : EXIT_OK;
    if (c->refusal)
        client_refused(c, c->refusal);
    else if (r < 0)
        fetch_complain(c->path, r);
    else
        fprintf(stderr, "goevd: no worker serves at present; goevd ctl status says why\n");
    return EXIT_REFUSED;
}

static int
client_print(struct client *c, char **words, int count)
{
    const struct ctl_request *request = c->request;
    int r = print_connections(c->replies, c->count, words, count, request->json);

    if (r == -ENOMEM)
        fprintf(stderr, "goevd: %s\n", "no memory for the reply");
    return r < 0 ? EXIT_REFUSED : EXIT_OK;
}

static int
client_gather(struct client *c, const char *worker, char **words, int count)
{
    const char *command = words[0];
    int status = client_collect(c, worker, command), printed = EXIT_OK;

    if (c->count > 0)
        printed = client_print(c, words + 1, count - 1);
    for (unsigned i = 0; i < c->count; i++)
        free(c->replies[i].text);
    free(c->workers);
    free(c->refusal);
    return printed == EXIT_OK ? status : printed;
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* Whether it is asked of workers and printed here. */
static bool
client_gathers(const char *word)
{
    return strcmp(word, "connections") == 0;
}

int
client_ask(const char *path, const struct ctl_request *request)
{
    struct client c = {.path = path, .request = request};
    char **words = request->words;
    int count = request->word_count;

    if (count == 1 && strcmp(words[0], "status") == 0)
        return client_status(&c);
    if (count == 1 && strcmp(words[0], "top") == 0)
        return top_run(path, request->times);
    if (client_gathers(words[0]))
        return client_gather(&c, NULL, words, count);
    if (count > 2 && strcmp(words[0], "worker") == 0 && client_gathers(words[2]))
        return client_gather(&c, words[1], words + 2, count - 2);
    return client_plain(&c);
}
