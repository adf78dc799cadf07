"""A meter that is simulated from its gears to the camera's frame, with the truth of every frame: `demo:?meter=...`.

`kinds` says what meters there are, `flow` what runs through one, `gears` where its drums and pointers then stand,
`face` draws it, `events` says what happens before the camera, and `camera` takes the frame. All is a function of the
seed and the time: a frame is the same whenever and in whatever order it is asked for.

Nothing here is shared with what reads meters: a mistake of the one is not hidden by the same mistake of the other.
"""
