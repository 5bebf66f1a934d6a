/* Limits that the configuration and the supervisor share. */
#pragma once

#define WORKERS_MAX 16   /* processes at a time, those that drain included */
#define CRASHES_MAX 1000 /* of workers that are remembered */
