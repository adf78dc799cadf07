/* A plugin for qemu-user that prints how many guest instructions ran: qemu-aarch64 -plugin ./count_instructions.so …
 *
 * The functions are declared here after QEMU's documentation of TCG plugins, API version 1, because Debian ships no
 * header; the argument types are those that this plugin passes. https://www.qemu.org/docs/master/devel/tcg-plugins.html
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef uint64_t plugin_id;
struct block;
enum inline_operation { ADD_U64 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct block *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, enum inline_operation, void *, uint64_t);
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct block *);

int qemu_plugin_version = 1;

static uint64_t count; /* not atomic: with threads it may lose a few */

static void at_block(plugin_id id, struct block *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &count, qemu_plugin_tb_n_insns(block));
}

static void at_exit(plugin_id id, void *nothing)
{
    (void)id;
    (void)nothing;
    fprintf(stderr, "instructions %" PRIu64 "\n", count);
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    (void)argc;
    (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, at_block);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
