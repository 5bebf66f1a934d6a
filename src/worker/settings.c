#include "worker/settings.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "conf/yaml/value.h"
#include "ctl/json.h"

void
settings_init(struct settings *s, struct setup *setup, struct engine *engine, struct parent *parent,
              const struct worker_options *options)
{
    *s = (struct settings){.setup = setup,
                           .engine = engine,
                           .parent = parent,
                           .options = options,
                           .present = setup->config};
}

/* A configuration lives as long as it is the present one, or a plugin has its options from it. The
 * file's lives to the end. */
static void
settings_release(struct settings *s, struct config *config)
{
    if (config && config != s->setup->config && --config->holders == 0)
        config_free(config);
}

void
settings_fini(struct settings *s)
{
    if (!s->setup)
        return;
    for (struct instance *i = s->setup->plugins.instances; i; i = i->next) {
        settings_release(s, i->options_from);
        i->options_from = NULL;
    }
    settings_release(s, s->present);
    values_fini(&s->values);
    values_fini(&s->dropped);
}

/* ---- Building -------------------------------------------------------------------------------- */

/* Paths may move under names when lists do, so they are looked up each time. */
static int
settings_add_override(const struct settings *s, struct arena *arena, const char *name,
                      const char *text, struct config_override *ret, struct err *reterr)
{
    struct setting found;
    int r = setting_find(s->present, name, &found, reterr);

    if (r < 0)
        return r;
    ret->text = text;
    ret->path = arena_copy(arena, found.path.text, found.path.len);
    return ret->path ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

/* All that has been set, but for `name`, which is to be `text`. */
static int
settings_overrides(const struct settings *s, struct arena *arena, const char *name,
                   const char *text, struct config_override *ret, size_t *ret_count,
                   struct err *reterr)
{
    size_t count = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->values.count; i++) {
        const struct value *v = &s->values.items[i];

        if (strcmp(v->name, name) != 0)
            r = settings_add_override(s, arena, v->name, v->text, &ret[count++], reterr);
    }
    if (r == 0 && text)
        r = settings_add_override(s, arena, name, text, &ret[count++], reterr);
    *ret_count = count;
    return r;
}

static int
settings_first_error(const struct conf_errors *errors, int r, struct err *reterr)
{
    return err_set(reterr, r, "%s", errors->kept > 0 ? errors->items[0].line : err_words(r));
}

/* The configuration as it would be, checked by its rules and by the plugin whose option it is. */
static int
settings_build(const struct settings *s, const struct setting *setting, const char *text,
               struct config **ret, struct err *reterr)
{
    struct config_override overrides[VALUES_MAX + 1];
    struct plugins_again again;
    struct conf_errors errors = {0};
    struct config *config = NULL;
    struct arena arena = {0};
    size_t count = 0;
    int r = settings_overrides(s, &arena, setting->name.text, text, overrides, &count, reterr);

    plugins_again(&again, &s->setup->plugins);
    if (r == 0)
        r = config_override(s->setup->config, overrides, count, &again.resolver, &config, &errors);
    if (r == 0 && setting->place)
        r = plugins_check_options(instance_of(setting->place->plugin), &errors);
    if (r < 0) {
        settings_first_error(&errors, r, reterr);
        config_free(config);
    } else {
        *ret = config;
    }
    conf_errors_fini(&errors);
    arena_fini(&arena);
    return r;
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static void
settings_take_on(struct poller *p, void *arg)
{
    plugins_take_options(arg, p);
}

static void
settings_take_options(struct settings *s, struct instance *i, struct config *config)
{
    for (size_t r = 0; r < s->engine->reactor_count; r++)
        reactor_call(s->engine->reactors[r], settings_take_on, i);
    settings_release(s, i->options_from);
    i->options_from = config;
    config->holders++;
}

/* The option's own plugin, or goevd, changes; all other values are as before. */
static void
settings_take(struct settings *s, const struct setting *setting, struct config *config)
{
    struct config *old = s->present;
    bool hang = old->hang->timeout_ns != config->hang->timeout_ns ||
                old->hang->action != config->hang->action;

    config->holders = 1;
    s->present = config;
    if (setting->place)
        settings_take_options(s, instance_of(setting->place->plugin), config);
    log_set_level(worker_options_level(s->options, config->log_level));
    engine_limit(s->engine, old, config);
    if (hang && s->on_hang)
        s->on_hang(s->arg);
    settings_release(s, old);
}

/* ---- Setting --------------------------------------------------------------------------------- */

/* May an option be set at all? */
static int
settings_check(const struct settings *s, const struct setting *setting, const char *text,
               struct err *reterr)
{
    const char *name = setting->name.text, *value = values_get(&s->values, name);

    if (!(setting->option->flags & GOEVD_OPTION_RUNTIME))
        return err_set(reterr, -EPERM, "%s: takes effect only after a reload", name);
    if (setting->name.len > SETTING_NAME_MAX)
        return err_set(reterr, -ENAMETOOLONG, "%s: a name has at most %d bytes", name,
                       SETTING_NAME_MAX);
    if (text && strlen(text) > SETTING_VALUE_MAX)
        return err_set(reterr, -E2BIG, "%s: a value has at most %d bytes", name, SETTING_VALUE_MAX);
    if (setting->loose)
        return err_set(reterr, -EPERM,
                       "%s: is in a list that is a default; write the list into the configuration "
                       "first",
                       name);
    if (!text && !value)
        return err_set(reterr, -ENOENT, "%s: has not been set", name);
    if (text && !value && s->values.count == VALUES_MAX)
        return err_set(reterr, -ENOSPC, "%s: %d values have been set already, unset some", name,
                       VALUES_MAX);
    return 0;
}

static void
settings_show(const struct setting *setting, char text[SETTING_VALUE_MAX + 1])
{
    struct value_text buf;

    snprintf(text, SETTING_VALUE_MAX + 1, "%s", value_text(setting->option, setting->slot, &buf));
}

static int
settings_keep(struct settings *s, const char *name, const char *text, struct err *reterr)
{
    if (text && values_set(&s->values, name, text) < 0)
        return err_set(reterr, -ENOMEM, "%s: out of memory", name);
    if (!text)
        values_unset(&s->values, name);
    return 0;
}

static int
settings_change(struct settings *s, const char *name, const char *text, struct settings_change *ret,
                struct err *reterr)
{
    struct config *config = NULL;
    struct setting setting;
    int r = setting_find(s->present, name, &setting, reterr);

    if (r == 0)
        r = settings_check(s, &setting, text, reterr);
    if (r == 0)
        r = settings_build(s, &setting, text, &config, reterr);
    if (r < 0)
        return r;
    assert(config);
    r = settings_keep(s, setting.name.text, text, reterr);
    if (r < 0) {
        config_free(config);
        return r;
    }
    ret->name = setting.name;
    settings_show(&setting, ret->before);
    settings_take(s, &setting, config);
    if (setting_find(s->present, setting.name.text, &setting, NULL) == 0)
        settings_show(&setting, ret->after);
    return 0;
}

int
settings_set(struct settings *s, const char *name, const char *text, struct settings_change *ret,
             struct err *reterr)
{
    int r = settings_change(s, name, text, ret, reterr);

    if (r == 0)
        parent_remember(s->parent, ret->name.text, text);
    return r;
}

void
settings_follow(struct settings *s, const char *name, const char *text)
{
    struct settings_change change;
    struct err err = {0};

    if (settings_change(s, name, text, &change, &err) == 0) {
        log_notice("%s: %s, as before", name, change.after);
        return;
    }
    if (!text) /* it never was set here */
        return;
    log_warning("%s: was set to %s, which is dropped: %s", name, text, err.text);
    values_set(&s->dropped, name, ""); /* without memory it is tried again the next time */
}

int
settings_recall(struct settings *s, struct err *reterr)
{
    struct values values = {0};
    int r = parent_recall(s->parent, &values, reterr);

    for (size_t i = 0; r == 0 && i < values.count; i++)
        settings_follow(s, values.items[i].name, values.items[i].text);
    values_fini(&values);
    return r;
}

void
settings_drop(struct settings *s)
{
    for (size_t i = 0; i < s->dropped.count; i++)
        parent_remember(s->parent, s->dropped.items[i].name, NULL);
    values_fini(&s->dropped);
}

/* ---- Lists of settings ----------------------------------------------------------------------- */

struct listing {
    const struct settings *settings;
    FILE *out;
    bool json;
    int width;
    const char *comma;
};

static const char *
settings_source(const struct settings *s, const struct setting *setting)
{
    if (values_get(&s->values, setting->name.text))
        return "set";
    return setting->written ? "config" : "default";
}

static int
settings_measure(const struct setting *setting, void *arg)
{
    struct listing *l = arg;

    l->width = MAX(l->width, (int)setting->name.len);
    return 0;
}

static int
settings_print(const struct setting *setting, void *arg)
{
    const char *source, *text;
    struct listing *l = arg;
    struct value_text buf;

    text = value_text(setting->option, setting->slot, &buf);
    source = settings_source(l->settings, setting);
    if (!l->json) {
        fprintf(l->out, "%-*s %-7s %s\n", l->width, setting->name.text, source, text);
        return 0;
    }
    fprintf(l->out, "%s\n {\"name\": ", l->comma);
    json_text(l->out, setting->name.text);
    fprintf(l->out, ", \"value\": ");
    json_text(l->out, text);
    fprintf(l->out, ", \"source\": \"%s\", \"help\": ", source);
    json_text(l->out, setting->option->help);
    fputc('}', l->out);
    l->comma = ",";
    return 0;
}

int
settings_text(const struct settings *s, bool json, char **ret_text, size_t *ret_len)
{
    struct listing l = {.settings = s, .json = json, .comma = ""};
    char *text = NULL;
    size_t len = 0;

    l.out = open_memstream(&text, &len);
    if (!l.out)
        return -ENOMEM;
    setting_each(s->present, settings_measure, &l);
    if (json)
        fputc('[', l.out);
    setting_each(s->present, settings_print, &l);
    if (json)
        fputs("\n]\n", l.out);
    if (fclose(l.out) != 0) {
        free(text);
        return -ENOMEM;
    }
    *ret_text = text;
    *ret_len = len;
    return 0;
}
