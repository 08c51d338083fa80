/* posix.h - asks for POSIX where it is to be had; comes before anything of the system. */
#ifndef PEMN_BASE_POSIX_H
#define PEMN_BASE_POSIX_H

#if defined(__unix__) || defined(__APPLE__) || defined(__HAIKU__)
#define HAS_POSIX 1
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
#endif

#endif
