"""Small CZI, ND2 and LIF files, written by the formats' own structure, for the readers to read."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

ND2_HEADER = b"ND2 FILE SIGNATURE CHUNK NAME01!"
ND2_END = b"ND2 CHUNK MAP SIGNATURE 0000001!"


def czi(path: Path, data, axes: str, xml: str, compression: int = 0) -> None:
    """``data`` of uint16 as one block for each plane, with ``xml`` as the metadata."""
    entries, out = [], bytearray(32 + 512)

    def segment(name: bytes, content: bytes) -> int:
        start = len(out)
        length = -(-len(content) // 32) * 32
        out.extend(struct.pack("<16sqq", name, length, len(content)))
        out.extend(content + bytes(length - len(content)))
        return start

    for index in np.ndindex(*data.shape[:-2]):
        starts = [*index, 0, 0]
        sizes = [1] * len(index) + list(data.shape[-2:])
        dims = b"".join(
            struct.pack("<4siifi", a.encode(), s, n, 0.0, n)
            for a, s, n in reversed(list(zip(axes, starts, sizes, strict=True)))
        )
        head = struct.pack("<2siqii6xi", b"DV", 1, len(out), 0, compression, len(axes))
        plane = np.ascontiguousarray(data[index], "<u2").tobytes()
        block = struct.pack("<iiq", 0, 0, len(plane)) + head + dims
        segment(b"ZISRAWSUBBLOCK", block + bytes(256 - len(block)) + plane)
        entries.append(head + dims)
    text = xml.encode()
    metadata = segment(b"ZISRAWMETADATA", struct.pack("<ii248x", len(text), 0) + text)
    directory = segment(b"ZISRAWDIRECTORY", struct.pack("<i124x", len(entries)) + b"".join(entries))
    guid = bytes(16)
    header = struct.pack("<iiii16s16siqqiq", 1, 0, 0, 0, guid, guid, 0, directory, metadata, 0, 0)
    out[: 32 + len(header)] = struct.pack("<16sqq", b"ZISRAWFILE", 512, 512) + header
    path.write_bytes(out)


def nd2(path: Path, data, channels: list[str], metadata: str, experiment: str = "") -> None:
    """``data`` of uint16, frames x Y x X x channels, with the planes' XML as version 2.1 has it."""
    frames, height, width, count = data.shape
    out, places = bytearray(), []

    def chunk(name: bytes, content: bytes) -> None:
        places.append((name, len(out), len(content)))
        room = 4096 - 24  # pixels are read 4096 bytes behind a chunk's beginning
        out.extend(struct.pack("<IIQ", 0x0ABECEDA, room, len(content)))
        out.extend(name + bytes(room - len(name)) + content)

    def variant(inner: str) -> bytes:
        whole = f'<no_name runtype="CLxListVariant">{inner}</no_name>'
        return f'<variant version="1.0">{whole}</variant>'.encode()

    head = struct.pack("<IIQ", 0x0ABECEDA, 32, 64) + ND2_HEADER + b"Ver2.1" + bytes(58)
    out.extend(head + bytes(4096 - len(head)))
    values = {
        "uiWidth": width, "uiWidthBytes": 2 * width * count, "uiHeight": height, "uiComp": count,
        "uiBpcInMemory": 16, "uiBpcSignificant": 16, "uiSequenceCount": frames,
    }  # fmt: skip
    attributes = "".join(f'<{k} runtype="lx_uint32" value="{v}"/>' for k, v in values.items())
    chunk(b"ImageAttributes!", variant(attributes + '<eCompression runtype="lx_int32" value="2"/>'))
    planes = "".join(f'<a{n} runtype="CLxListVariant">{c}</a{n}>' for n, c in enumerate(channels))
    picture = (
        f'<sPicturePlanes runtype="CLxListVariant"><uiCount runtype="lx_uint32" value="{count}"/>'
        f'<sPlaneNew runtype="CLxListVariant">{planes}</sPlaneNew></sPicturePlanes>'
    )
    chunk(b"ImageMetadataSeq|0!", variant(picture + metadata))
    if experiment:
        chunk(b"ImageMetadata!", variant(experiment))
    for number in range(frames):
        # 8 bytes of time stand before the pixels.
        pixels = np.ascontiguousarray(data[number], "<u2").tobytes()
        chunk(b"ImageDataSeq|%d!" % number, bytes(8) + pixels)
    start = len(out)
    table = b"".join(n + struct.pack("<QQ", at, size) for n, at, size in places)
    table += ND2_END + struct.pack("<Q", start)
    name = b"ND2 FILEMAP SIGNATURE NAME 0001!"
    out.extend(struct.pack("<IIQ", 0x0ABECEDA, 32, len(table)) + name + table)
    path.write_bytes(out)


def lif(path: Path, images: dict[str, tuple]) -> None:
    """Each image by its name: uint16 data, its axes ``CZYX``, step sizes in µm, and settings."""
    elements, blocks = "", b""
    for number, (name, (data, axes, steps, settings)) in enumerate(images.items()):
        sizes = dict(zip(axes, data.shape, strict=True))
        increments = {a: 2 * int(np.prod(data.shape[i + 1 :])) for i, a in enumerate(axes)}
        dims = "".join(
            f'<DimensionDescription DimID="{"XYZT".index(a) + 1}" NumberOfElements="{sizes[a]}" '
            f'Origin="0" Length="{1e-6 * steps[a] * (sizes[a] - 1)}" Unit="m" BitInc="0" '
            f'BytesInc="{increments[a]}"/>'
            for a in reversed(axes)
            if a != "C"
        )
        channels = "".join(
            '<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" '
            'NameOfMeasuredQuantity="" Min="0" Max="65535" Unit="" LUTName="Green" '
            f'IsLUTInverted="0" BytesInc="{n * increments.get("C", 0)}" BitInc="0"/>'
            for n in range(sizes.get("C", 1))
        )
        elements += (
            f'<Element Name="{name}"><Data><Image><ImageDescription><Channels>{channels}</Channels>'
            f"<Dimensions>{dims}</Dimensions></ImageDescription>"
            f'<Attachment Name="HardwareSetting">{settings}</Attachment></Image></Data>'
            f'<Memory Size="{data.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
        )
        label = f"MemBlock_{number}".encode("utf-16-le")
        inner = struct.pack("<BQBI", 0x2A, data.nbytes, 0x2A, len(label) // 2) + label
        blocks += struct.pack("<II", 0x70, len(inner)) + inner + data.astype("<u2").tobytes()
    text = (
        f'<LMSDataContainerHeader Version="2"><Element Name="{path.name}">'
        f"<Children>{elements}</Children></Element></LMSDataContainerHeader>"
    ).encode("utf-16-le")
    inner = struct.pack("<BI", 0x2A, len(text) // 2) + text
    path.write_bytes(struct.pack("<II", 0x70, len(inner)) + inner + blocks)
