"""What a camera saw once, kept as a recording, and read again by the same pipeline: `edge run --record`, `edge replay`,
`edge tune`.
"""
