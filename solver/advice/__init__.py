"""Which machine and virtio modes to choose for a guest operating system and its hosts."""
