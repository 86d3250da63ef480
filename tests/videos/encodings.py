"""Encodings of a moving test picture by the ffmpeg program, for tests."""

import functools
import subprocess

import imageio_ffmpeg
import numpy as np

PICTURES = "testsrc2=s=64x48:r=50:d=0.2"  # 10 frames
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt")
X265 = (
    "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
    "log-level=none:pools=none:frame-threads=1", "-pix_fmt",
)  # fmt: skip
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "2")
FFV1 = ("-c:v", "ffv1", "-pix_fmt")
# Two pictures become the fields of one frame: 5 frames.
TOP = ("-vf", "interlace=scan=tff", "-flags", "+ildct+ilme")
BOTTOM = ("-vf", "interlace=scan=bff", "-flags", "+ildct+ilme")
COPY = ("-c", "copy")


def _colors(space, width="tv"):
    tag = {"bt2020": "bt2020nc"}.get(space, space)
    return (
        "-vf", f"scale=out_color_matrix={space}:out_range={width}",
        "-colorspace", tag, "-color_range", width,
    )  # fmt: skip


# Name of an encoding: the file, and ffmpeg's arguments for it.
ENCODINGS = {
    "h264": ("a.mp4", (*X264, "yuv420p")),
    "h264 422": ("a.mp4", (*X264, "yuv422p")),
    "h264 444": ("a.mp4", (*X264, "yuv444p")),
    "h264 420 10 bit": ("a.mkv", (*X264, "yuv420p10le")),
    "h264 422 10 bit": ("a.mkv", (*X264, "yuv422p10le")),
    "h264 444 10 bit": ("a.mkv", (*X264, "yuv444p10le")),
    "h264 gray": ("a.mp4", (*X264, "gray")),
    "h264 gray 10 bit": ("a.mkv", (*X264, "gray10le")),
    "h264 full": ("a.mp4", (*X264, "yuvj420p")),
    "h264 full 444": ("a.mp4", (*X264, "yuvj444p")),
    "h264 rgb": ("a.mp4", ("-c:v", "libx264rgb", "-preset", "ultrafast")),
    "h264 bt709": ("a.mp4", (*X264, "yuv420p", *_colors("bt709"))),
    "h264 bt709 full": ("a.mp4", (*X264, "yuv420p", *_colors("bt709", "pc"))),
    "h264 bt709 444": ("a.mp4", (*X264, "yuv444p", *_colors("bt709"))),
    "h264 bt601": ("a.mp4", (*X264, "yuv420p", *_colors("smpte170m"))),
    "h264 bt2020": ("a.mp4", (*X264, "yuv420p10le", *_colors("bt2020"))),
    "h264 smpte240m": ("a.mp4", (*X264, "yuv420p", *_colors("smpte240m"))),
    "h264 fcc": ("a.mp4", (*X264, "yuv420p", *_colors("fcc"))),
    "h264 b-frames": (
        "a.mp4", ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "5"),
    ),
    "h264 top field first": ("a.mp4", (*X264, "yuv420p", *TOP)),
    "h264 bottom field first": (
        "a.mkv", (*X264, "yuv420p", *BOTTOM, "-x264-params", "bff=1"),
    ),
    "h264 fields 422 10 bit": ("a.mov", (*X264, "yuv422p10le", *TOP)),
    "h264 fields ts": ("a.ts", (*X264, "yuv420p", *TOP)),
    "h264 odd sides": ("a.mp4", (*X264, "yuv444p", "-vf", "scale=63:47")),
    "h264 width 50": ("a.mp4", (*X264, "yuv420p", "-vf", "scale=50:38")),
    "h264 wide pixels": ("a.mp4", (*X264, "yuv420p", "-vf", "setsar=2/1")),
    "h264 1 fps": ("a.mp4", (*X264, "yuv420p", "-vf", "setpts=N/TB",
                             "-r", "1", "-frames:v", "8")),
    "h264 1000 fps": ("a.mp4", (*X264, "yuv420p", "-vf", "settb=1/1000,"
                                "setpts=N", "-r", "1000", "-frames:v", "10")),
    "h264 variable rate": (
        "a.mp4", (*X264, "yuv420p", "-fps_mode", "passthrough",
                  "-vf", "settb=1/1000,setpts=N*20+100*gt(N\\,5)"),
    ),
    "h264 without times": ("a.h264", (*X264, "yuv420p")),
    "h264 flv": ("a.flv", (*X264, "yuv420p")),
    "hevc": ("a.mp4", (*X265, "yuv420p")),
    "hevc 420 10 bit": ("a.mp4", (*X265, "yuv420p10le")),
    "hevc 422 12 bit": ("a.mp4", (*X265, "yuv422p12le")),
    "hevc 444 12 bit": ("a.mkv", (*X265, "yuv444p12le")),
    "hevc gray 12 bit": ("a.mkv", (*X265, "gray12le")),
    "mpeg1": ("a.mpeg", ("-c:v", "mpeg1video", "-q:v", "2")),
    "mpeg2": ("a.mpg", MPEG2),
    "mpeg2 fields": ("a.mpg", (*MPEG2, *TOP)),
    "mpeg2 fields vob": ("a.vob", (*MPEG2, *BOTTOM)),
    "mpeg2 fields ts 422": ("a.m2ts", (*MPEG2, *TOP, "-pix_fmt", "yuv422p")),
    "mpeg2 without times": ("a.m2v", MPEG2),
    "mpeg4 avi": ("a.avi", MPEG4),
    "mpeg4 avi b-frames": ("a.avi", (*MPEG4, "-bf", "2")),
    "mpeg4 fields": ("a.avi", (*MPEG4, *TOP)),
    "mpeg4 mp4": ("a.mp4", MPEG4),
    "xvid": ("a.divx", ("-c:v", "libxvid", "-q:v", "2", "-f", "avi")),
    "msmpeg4": ("a.avi", ("-c:v", "msmpeg4", "-q:v", "2")),
    "dv pal": (
        "a.dv", ("-vf", "scale=720:576,interlace=scan=bff", "-c:v", "dvvideo",
                 "-pix_fmt", "yuv420p", "-frames:v", "1"),
    ),
    "dv ntsc": (
        "a.avi", ("-vf", "scale=720:480,interlace=scan=bff", "-r",
                  "30000/1001", "-c:v", "dvvideo", "-pix_fmt", "yuv411p",
                  "-frames:v", "1"),
    ),
    "prores": ("a.mov", ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le")),
    "prores fields": (
        "a.mov", ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le", *TOP),
    ),
    "prores alpha": (
        "a.mov", ("-c:v", "prores_ks", "-profile:v", "4444",
                  "-pix_fmt", "yuva444p10le"),
    ),
    "dnxhr": (
        "a.mov", ("-vf", "scale=256:144", "-c:v", "dnxhd", "-profile:v",
                  "dnxhr_sq", "-pix_fmt", "yuv422p", "-frames:v", "3"),
    ),
    "dnxhd fields": (
        "a.mov", ("-vf", "scale=1920:1080,interlace=scan=tff", "-flags",
                  "+ildct+ilme", "-c:v", "dnxhd", "-b:v", "120M",
                  "-pix_fmt", "yuv422p", "-frames:v", "1"),
    ),
    "vp8": ("a.webm", ("-c:v", "libvpx", "-deadline", "realtime")),
    "vp8 ivf": ("a.ivf", ("-c:v", "libvpx", "-deadline", "realtime")),
    "vp8 alpha": (
        "a.webm", ("-vf", "format=yuva420p,colorchannelmixer=aa=0.5", "-c:v",
                   "libvpx", "-auto-alt-ref", "0", "-pix_fmt", "yuva420p"),
    ),
    "vp9": ("a.webm", VP9),
    "vp9 10 bit": ("a.webm", (*VP9, "-pix_fmt", "yuv420p10le")),
    "vp9 444": ("a.webm", (*VP9, "-pix_fmt", "yuv444p")),
    "av1": (
        "a.mp4", ("-c:v", "libsvtav1", "-preset", "12",
                  "-svtav1-params", "lp=1"),
    ),
    "av1 10 bit": (
        "a.mkv", ("-c:v", "libaom-av1", "-cpu-used", "8", "-usage",
                  "realtime", "-pix_fmt", "yuv420p10le"),
    ),
    "mjpeg 420": ("a.avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")),
    "mjpeg 422": ("a.avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj422p")),
    "mjpeg 444": ("a.mov", ("-c:v", "mjpeg", "-pix_fmt", "yuvj444p")),
    "gif": ("a.gif", ()),
    "wmv1": ("a.wmv", ("-c:v", "wmv1")),
    "wmv2": ("a.asf", ("-c:v", "wmv2")),
    "flv1": ("a.flv", ("-c:v", "flv")),
    "h263": ("a.3gp", ("-vf", "scale=176:144", "-c:v", "h263")),
    "theora": ("a.ogv", ("-c:v", "libtheora", "-q:v", "8")),
    "raw bgr": ("a.avi", ("-c:v", "rawvideo", "-pix_fmt", "bgr24")),
    "raw uyvy": ("a.mov", ("-c:v", "rawvideo", "-pix_fmt", "uyvy422")),
    "raw palette": ("a.avi", ("-c:v", "rawvideo", "-pix_fmt", "pal8")),
    "huffyuv": ("a.avi", ("-c:v", "huffyuv", "-pix_fmt", "yuv422p")),
    "utvideo": ("a.avi", ("-c:v", "utvideo", "-pix_fmt", "gbrp")),
    "ffv1 410": ("a.mkv", (*FFV1, "yuv410p")),
    "ffv1 411": ("a.mkv", (*FFV1, "yuv411p")),
    "ffv1 440": ("a.mkv", (*FFV1, "yuv440p")),
    "ffv1 420 odd sides": ("a.mkv", (*FFV1, "yuv420p", "-vf", "scale=63:47")),
    "ffv1 gray 16 bit": ("a.mkv", (*FFV1, "gray16le")),
    "ffv1 gbr 12 bit": ("a.mkv", (*FFV1, "gbrp12le")),
    "ffv1 alpha 444": ("a.mkv", (*FFV1, "yuva444p")),
    "qtrle alpha": ("a.mov", ("-c:v", "qtrle", "-pix_fmt", "argb")),
    "png alpha": ("a.mov", ("-c:v", "png", "-pix_fmt", "rgba")),
    "png 16 bit": ("a.mov", ("-c:v", "png", "-pix_fmt", "rgb48be")),
    "jpeg2000": ("a.mov", ("-c:v", "jpeg2000")),
    "cinepak": ("a.mov", ("-c:v", "cinepak")),
    "msvideo1": ("a.avi", ("-c:v", "msvideo1")),
}  # fmt: skip

# Made of others: the file, ffmpeg's arguments before the output; `{name}` is
# the path of the encoding `name`.
REMADE = {
    f"turned {degrees}{''.join(flips)}": (
        "a.mp4",
        ("-display_rotation", str(degrees), *flips, "-i", "{h264}", *COPY),
    )
    for degrees in (90, 180, 270)
    for flips in ((), ("-display_hflip",))
} | {
    "mirrored": ("a.mov", ("-display_hflip", "-i", "{h264}", *COPY)),
    "upside down": ("a.mov", ("-display_vflip", "-i", "{h264}", *COPY)),
    "turned 422": (
        "a.mov", ("-display_rotation", "90", "-i", "{h264 422}", *COPY),
    ),
    "turned fields": (
        "a.mov",
        ("-display_rotation", "90", "-i", "{h264 top field first}", *COPY),
    ),
    "edit list": ("a.mp4", ("-ss", "0.14", "-i", "{h264 b-frames}", *COPY)),
    "negative times": (
        "a.mkv", ("-i", "{h264}", *COPY, "-output_ts_offset", "-0.06",
                  "-avoid_negative_ts", "disabled"),
    ),
    "missing times": (
        "a.mkv", ("-i", "{h264 b-frames}", *COPY, "-output_ts_offset",
                  "-0.06", "-avoid_negative_ts", "disabled"),
    ),
    "late times": (
        "a.ts", ("-i", "{h264}", *COPY, "-output_ts_offset", "3"),
    ),
    "cover first": (
        "a.mp4", ("-f", "lavfi", "-i", "color=red:s=160x120:d=0.02", "-i",
                  "{h264}", "-map", "0", "-map", "1", "-c:v:0", "png",
                  "-c:v:1", "copy", "-disposition:v:0", "attached_pic"),
    ),
    "subtitles first": (
        "a.mkv", ("-f", "srt", "-i", "{subtitles}", "-i", "{h264}", "-map",
                  "0", "-map", "1", *COPY),
    ),
    "preview first": (
        "a.mkv", ("-i", "{h264 width 50}", "-i", "{h264}", "-map", "0",
                  "-map", "1", *COPY, "-disposition:v:0", "0",
                  "-disposition:v:1", "0"),
    ),
    "default is smaller": (
        "a.mkv", ("-i", "{h264}", "-i", "{h264 width 50}", "-map", "0",
                  "-map", "1", *COPY, "-disposition:v:0", "0",
                  "-disposition:v:1", "default"),
    ),
    "sound first": (
        "a.mkv", ("-f", "lavfi", "-i", "sine=d=1", "-i", "{h264}", "-map",
                  "0", "-map", "1", "-c:v", "copy", "-c:a", "pcm_s16le"),
    ),
}  # fmt: skip

# Byte streams one after the other.
JOINED = {
    "size changes": (MPEG2, (*MPEG2, "-vf", "scale=96:80")),
    "size changes odd": (
        (*X264, "yuv420p"),
        (*X264, "yuv444p", "-vf", "scale=63:47"),
    ),
    "pixels change": ((*X264, "yuv420p"), (*X264, "yuv422p10le")),
    "fields begin": ((*X264, "yuv420p"), (*X264, "yuv420p", *TOP)),
}

NAMES = (*ENCODINGS, *REMADE, *JOINED)


def ffmpeg(*arguments):
    """Runs the program and returns what it writes to its output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
    command += map(str, arguments)
    done = subprocess.run(command, capture_output=True)
    assert not done.returncode, done.stderr.decode(errors="replace")
    return done.stdout


def encode(path, arguments, pictures=PICTURES):
    """Writes the test picture to a file."""
    ffmpeg(
        "-f", "lavfi", "-i", pictures, "-threads", "1", *arguments, path
    )  # fmt: skip
    return path


class Encodings:
    """The files of the tables by name, made when they are asked for."""

    def __init__(self, directory):
        self._directory = directory

    @functools.cache
    def __getitem__(self, name):
        directory = self._directory / name.replace(" ", "-")
        directory.mkdir()
        if name in ENCODINGS:
            file, arguments = ENCODINGS[name]
            return encode(directory / file, arguments)
        if name in JOINED:
            parts = [
                encode(directory / f"{part}.ts", arguments).read_bytes()
                for part, arguments in enumerate(JOINED[name])
            ]
            (directory / "a.ts").write_bytes(b"".join(parts))
            return directory / "a.ts"
        if name == "subtitles":
            text = "1\n00:00:00,000 --> 00:00:00,200\nHello\n"
            (directory / "a.srt").write_text(text)
            return directory / "a.srt"
        file, arguments = REMADE[name]
        arguments = [
            self[argument[1:-1]] if argument.startswith("{") else argument
            for argument in arguments
        ]
        ffmpeg(*arguments, directory / file)
        return directory / file


def decode(path, shape, *filters):
    """The frames of a file as the ffmpeg program gives them, of a height and
    width."""
    pixels = ffmpeg(
        "-threads", "1", "-i", path, "-fps_mode", "passthrough", *filters,
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
    )  # fmt: skip
    return np.frombuffer(pixels, np.uint8).reshape(-1, *shape, 3)
