/* The output of --list-plugins and --describe. */
#include "plug/plugins.h"

#include <goevd/http.h>
#include <goevd/websocket.h>

#include "conf/schema/describe.h"
#include "plug/loader/folder.h"

struct listing {
    struct plugins *plugins;
    FILE *out;
    bool wrong;
};

static int
plugins_list_one(const char *name, void *arg)
{
    struct listing *listing = arg;
    struct err err = {0};
    struct module *m;

    if (plugins_module(listing->plugins, name, &m, &err) < 0) {
        fprintf(listing->out, "%-14s WRONG: %s\n", name, err.text);
        listing->wrong = true;
    } else {
        fprintf(listing->out, "%-14s %s\n%-14s %s\n", name, m->entry.description, "", m->path);
    }
    return 0;
}

int
plugins_list(struct plugins *p, FILE *out)
{
    struct listing listing = {p, out, false};
    int r = folder_each(p->dir, plugins_list_one, &listing);

    return r < 0 ? r : listing.wrong;
}

static void
describe_interfaces(const struct module *m, FILE *out)
{
    static const char *const known[] = {GOEVD_STREAM, GOEVD_HTTP, GOEVD_WEBSOCKET};
    bool any = false;

    fputs("interfaces:", out);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!module_interface(m, known[i]))
            continue;
        fprintf(out, "%s%s", any ? ", " : " ", known[i]);
        any = true;
    }
    fputs(any ? "\n" : " none that this goevd knows\n", out);
}

int
plugins_describe(struct plugins *p, const char *name, FILE *out, struct err *reterr)
{
    struct module *m;
    int r = plugins_module(p, name, &m, reterr);

    if (r < 0)
        return r;
    fprintf(out, "%s: %s\n", m->entry.name, m->entry.description);
    fprintf(out, "file: %s\nABI: %u.%u, needs a host with %d.%u\n", m->path, m->entry.version.major,
            m->entry.version.minor, GOEVD_ABI_MAJOR, m->entry.host_minor);
    describe_interfaces(m, out);
    fprintf(out, "options:%s\n", m->entry.options ? "" : " none");
    if (m->entry.options)
        r = conf_describe(out, m->entry.options, 2);
    return r < 0 ? err_set_errno(reterr, r, "cannot describe '%s'", name) : 0;
}
