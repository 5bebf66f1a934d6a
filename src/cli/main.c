/* goevd: where everything begins. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <goevd/plugin.h>

#include "cli/check.h"
#include "cli/cli.h"
#include "cli/ctl.h"
#include "cli/scaffold.h"
#include "conf/schema/describe.h"
#include "process/exit.h"
#include "supervisor/supervisor.h"
#include "worker/worker.h"

static int
main_version(void)
{
    printf("goevd %s (plugin ABI %d.%d%s)\n", GOEVD_RELEASE, GOEVD_ABI_MAJOR, GOEVD_ABI_MINOR,
           CLI_STRICT_DEFAULT ? ", strict" : "");
    return EXIT_OK;
}

/* Otherwise a file that is opened later could become one of these, and output would go to a client.
 * Writing to the one in the place of standard output fails, so that commands notice. */
static void
main_open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}

static int
main_run(const struct cli *cli, char **argv)
{
    switch (cli->mode) {
    case CLI_HELP:
        cli_print_help();
        return EXIT_OK;
    case CLI_VERSION:
        return main_version();
    case CLI_CHECK:
        return check_config(cli);
    case CLI_DUMP:
        return check_dump(cli);
    case CLI_LIST_PLUGINS:
        return check_list_plugins(cli);
    case CLI_DESCRIBE:
        return check_describe(cli);
    case CLI_CTL:
        return ctl_run(cli);
    case CLI_PLUGIN:
        return scaffold_run(cli);
    case CLI_SINGLE:
    case CLI_WORKER:
        return worker_run(&cli->worker);
    case CLI_RUN:
        break;
    }
    return supervisor_run(worker_options_level(&cli->worker, LOG_NOTICE), argv);
}

int
main(int argc, char **argv)
{
    struct cli cli;
    bool serves;
    int status;

    main_open_standard();
    signal(SIGCHLD, SIG_DFL); /* a process that ignores it gets no status of its children, and its
                                 children inherit that */
    if (cli_parse(argc, argv, &cli) < 0)
        return EXIT_REFUSED;
    serves = cli.mode == CLI_RUN || cli.mode == CLI_SINGLE || cli.mode == CLI_WORKER;
    status = main_run(&cli, argv);
    if (serves || (fflush(stdout) == 0 && !ferror(stdout)))
        return status;
    perror("goevd: cannot print");
    return EXIT_REFUSED;
}
