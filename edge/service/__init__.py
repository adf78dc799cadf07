"""What keeps `edge run` going: the loop, its schedule, the lamp, bursts and systemd."""
