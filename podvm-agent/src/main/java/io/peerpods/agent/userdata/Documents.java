package io.peerpods.agent.userdata;

import io.peerpods.config.userdata.UserData;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPInputStream;

/** From the bytes of a source to the text of the document, bounded at every step. */
public final class Documents {

    private static final int GZIP_MAGIC = 0x1f8b;

    private Documents() {}

    /** The stream's bytes, {@code limit} at most. */
    static byte[] bounded(InputStream in, int limit, String what) throws IOException {
        byte[] bytes = in.readNBytes(limit + 1);
        if (bytes.length > limit) {
            throw new IOException(what + " is longer than " + limit + " bytes");
        }
        return bytes;
    }

    /** The text; a compressed document is unpacked, as the launching side compresses what does not fit otherwise. */
    public static String text(byte[] document) throws IOException {
        byte[] plain = document;
        if (document.length > 1 && (((document[0] & 0xff) << 8) | (document[1] & 0xff)) == GZIP_MAGIC) {
            try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(document))) {
                plain = bounded(in, UserData.MAX_BYTES, "the unpacked user-data");
            }
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(plain))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IOException("the user-data is not UTF-8 text", e);
        }
    }
}
