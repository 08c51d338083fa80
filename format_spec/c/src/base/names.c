/* names.c - the lists themselves. */
#include "names.h"

PEMN_SHARED const char *pemn_name(name_list list, size_t i)
{
    static const char *const lists[][12] = {
        {"bool", "u8", "i8", "i16", "i32", "i64", "bf16", "f16", "f32", "f64", NULL},
        {"bool", "u8", "i8", "i16", "i32", "i64", "bf16", "f16", "f32", "f64", "i4", NULL},
        {"prototype", "prototype-sign", "stored", "constant", "alias", NULL},
        {"sign", "generation", "source", NULL},
        {"bitmap", "csr", "rice", NULL},
        {"raw", "zstd", "shuffle-zstd", NULL},
        {"normal16", "uniform24", "sign", NULL},
        {"masks", "planes", "dense", "prototype", "source", NULL}};
    return lists[list][i];
}
