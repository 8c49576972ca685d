package io.peerpods.linux.netlink;

/** Numbers of well-known routing tables (linux/rtnetlink.h, enum rt_class_t). Others go up to 2^32-1 and are written as signed ints. */
public final class Tables {

    public static final int UNSPECIFIED = 0;
    public static final int MAIN = 254;
    public static final int LOCAL = 255;

    private Tables() {}
}
