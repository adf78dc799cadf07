"""Serves JPEG files over and over as an RTSP stream; prints its port. Run by Debian's Python, which sees GStreamer.

rtsp_server.py FILES WIDTH HEIGHT FPS PORT    FILES is a pattern such as /tmp/%d.jpg, PORT 0 takes a free one.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main() -> None:
    files, width, height, fps, port = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    caps = f"image/jpeg,width={width},height={height},framerate={fps}/1"
    source = f"multifilesrc location={files} loop=true caps={caps}"
    factory.set_launch(f"( {source} ! rtpjpegpay name=pay0 pt=26 )")
    factory.set_shared(True)
    server.get_mount_points().add_factory("/camera", factory)
    if not server.attach(None):
        sys.exit("the port is taken")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
