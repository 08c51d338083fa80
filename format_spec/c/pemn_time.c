/* pemn_time.c - how long restoring everything takes: pemn-time RUNS FILE
 *
 * Opens the archive, restores every tensor but aliases into a buffer of its own, and checks all that it
 * promises; prints seconds of processor and of wall clock time for each run, as JSON.
 */
#define _POSIX_C_SOURCE 199309L
#include "pemn.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(clockid_t which)
{
    struct timespec now;
    return clock_gettime(which, &now) != 0 ? 0.0 : (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int restore_all(const char *path, char error[PEMN_ERROR_SIZE])
{
    void **buffers = NULL;
    size_t count = 0, i;
    pemn_file *file = NULL;
    int status = pemn_open(path, NULL, &file, error);
    if (status == PEMN_OK) {
        count = pemn_tensor_count(file);
        buffers = calloc(count + 1, sizeof *buffers);
        if (buffers == NULL)
            status = PEMN_SYSTEM;
    }
    for (i = 0; status == PEMN_OK && i < count; i++) {
        pemn_tensor info;
        status = pemn_tensor_info(file, i, &info);
        if (status != PEMN_OK || info.alias_of != PEMN_NONE) /* another tensor's elements */
            continue;
        if (info.bytes > SIZE_MAX || (buffers[i] = malloc((size_t)info.bytes)) == NULL)
            status = PEMN_SYSTEM;
    }
    if (status == PEMN_OK)
        status = pemn_restore_all(file, buffers, error);
    for (i = 0; buffers != NULL && i < count; i++)
        free(buffers[i]);
    free(buffers);
    pemn_close(file);
    return status;
}

int main(int argc, char **argv)
{
    char error[PEMN_ERROR_SIZE] = "out of memory";
    long runs = argc == 3 ? strtol(argv[1], NULL, 10) : 0, run;
    if (runs < 1) {
        (void)fputs("usage: pemn-time RUNS FILE\n", stderr);
        return 2;
    }
    for (run = 0; run < runs; run++) {
        double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
        int status = restore_all(argv[2], error);
        if (status != PEMN_OK) {
            (void)fprintf(stderr, "%s\n", error);
            return status == PEMN_BROKEN ? 1 : 2;
        }
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        wall = seconds(CLOCK_MONOTONIC) - wall;
        (void)printf("{\"cpu\":%.6f,\"wall\":%.6f}\n", cpu, wall);
    }
    return 0;
}
