"""A Raspberry Pi without a Raspberry Pi: its userland, its processor by qemu, and a virtual camera."""
