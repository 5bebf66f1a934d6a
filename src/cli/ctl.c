#include "cli/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/config.h"
#include "ctl/client/client.h"
#include "ctl/control.h"
#include "process/exit.h"
#include "worker/setup.h"

struct ctl_path {
    char text[CONTROL_PATH_MAX + 1];
};

static void
ctl_take_path(void *ctx, const struct config *config, struct conf_errors *errors)
{
    struct ctl_path *path = ctx;

    (void)errors;
    if (config->control_socket.data)
        snprintf(path->text, sizeof(path->text), "%s", config->control_socket.data);
}

/* Whatever else is wrong there: a goevd that runs can be asked while its file is being mended. */
static void
ctl_read_path(const char *file, struct ctl_path *ret)
{
    struct config *config = NULL;
    struct conf_errors errors = {0};

    config_load_checked(file, NULL, NULL, ctl_take_path, ret, &config, &errors);
    config_free(config);
    conf_errors_fini(&errors);
}

static void
ctl_miss_path(const struct cli *cli)
{
    struct setup setup;

    if (setup_load(&setup, &cli->worker, NULL) < 0) {
        conf_errors_print(&setup.errors, stderr);
        fprintf(stderr, "goevd: name the control socket there, or with -s\n");
    } else {
        fprintf(stderr, "goevd: %s has no control.socket; name one there, or with -s\n",
                cli->worker.config_file);
    }
    setup_fini(&setup);
}

/* The path of -s, or that of the configuration. */
static int
ctl_find_path(const struct cli *cli, struct ctl_path *ret)
{
    if (!cli->socket) {
        ctl_read_path(cli->worker.config_file, ret);
        if (*ret->text)
            return 0;
        ctl_miss_path(cli);
        return -ENOENT;
    }
    if (strlen(cli->socket) >= sizeof(ret->text)) {
        fprintf(stderr, "goevd: a path of a socket has at most %d bytes\n", CONTROL_PATH_MAX);
        return -ENAMETOOLONG;
    }
    snprintf(ret->text, sizeof(ret->text), "%s", cli->socket);
    return 0;
}

int
ctl_run(const struct cli *cli)
{
    struct ctl_request request = {.words = cli->args,
                                  .word_count = cli->arg_count,
                                  .json = cli->json,
                                  .all = cli->all,
                                  .quiet = cli->worker.verbosity < 0,
                                  .listener = cli->listener,
                                  .times = cli->times};
    struct ctl_path path = {0};
    int r = client_check_words(&request);

    if (r == 0)
        r = ctl_find_path(cli, &path);
    return r == 0 ? client_ask(path.text, &request) : EXIT_REFUSED;
}
