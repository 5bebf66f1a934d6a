/* Options that change while pollers run: from a record made anew to each poller. */
#include "plug/plugins.h"

/* ---- Making them ----------------------------------------------------------------------------- */

static int
again_load(void *ctx, struct goevd_str name, const char *interface_id,
           const struct conf_node *where, void **ret_place, const struct goevd_schema **ret_schema,
           struct err *reterr)
{
    struct plugins_again *again = ctx;
    struct module *m;
    int r = plugins_module(again->plugins, name.data, &m, reterr);

    (void)interface_id, (void)where;
    if (r < 0)
        return r;
    *ret_place = m;
    *ret_schema = m->entry.options;
    return 0;
}

/* The tree has the same plugins as before, so they come in the same order. */
static struct goevd_plugin *
again_made(void *ctx, void *place, const void *options, const struct conf_node *node,
           const char *path)
{
    struct plugins_again *again = ctx;
    struct instance *i = again->next;

    (void)node, (void)path;
    assert(i && i->module == place);
    i->next_options = options;
    again->next = i->next;
    return (struct goevd_plugin *)i;
}

void
plugins_again(struct plugins_again *again, struct plugins *p)
{
    *again = (struct plugins_again){
        .resolver = {.load = again_load, .made = again_made, .ctx = again},
        .plugins = p,
        .next = p->instances,
    };
}

/* ---- Taking them ----------------------------------------------------------------------------- */

int
plugins_check_options(struct instance *i, struct conf_errors *errors)
{
    const struct goevd_plugin_entry *e = &i->module->entry;
    size_t before = errors->found;
    int r = 0;

    i->plugins->errors = errors;
    place_enter(place_here, &i->owner, "check_options", 0);
    if (e->check_options)
        r = e->check_options(i->data, i->next_options);
    place_leave(place_here);
    i->plugins->errors = NULL;
    if (r > 0)
        return conf_errors_add_below(errors, NULL, i->owner.path, "",
                                     "plugin '%s' refuses it: check_options has returned %d; it "
                                     "returns 0 or a negative errno",
                                     e->name, r);
    if (r < 0 && errors->found == before)
        conf_errors_add_below(errors, NULL, i->owner.path, "", "plugin '%s' refuses it: %s",
                              e->name, err_words(r));
    return r;
}

void
plugins_take_options(struct instance *i, struct poller *poller)
{
    const struct goevd_plugin_entry *e = &i->module->entry;
    void *local = i->locals[poller->index];

    i->present[poller->index] = i->next_options;
    if (!e->on_options)
        return;
    place_enter(place_here, &i->owner, "on_options", 0);
    e->on_options(i->data, (struct goevd_poller *)poller, local, i->next_options);
    place_leave(place_here);
}
