"""What a guest is planned for: its operating system and the hosts that it may run on."""
