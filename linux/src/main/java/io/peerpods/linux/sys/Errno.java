package io.peerpods.linux.sys;

import java.util.Map;

/** Linux error numbers (asm-generic/errno-base.h, errno.h: the same on x86-64 and arm64) with name and meaning. */
public final class Errno {

    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int ESRCH = 3;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int ENXIO = 6;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int ENOTDIR = 20;
    public static final int EINVAL = 22;
    public static final int EMFILE = 24;
    public static final int ENOTTY = 25;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int ERANGE = 34;
    public static final int EOPNOTSUPP = 95;
    public static final int EADDRINUSE = 98;
    public static final int EADDRNOTAVAIL = 99;
    public static final int ENETDOWN = 100;
    public static final int ENETUNREACH = 101;
    public static final int ENOBUFS = 105;
    public static final int EHOSTUNREACH = 113;

    private record Entry(String name, String meaning) {}

    private static final Map<Integer, Entry> KNOWN = Map.ofEntries(
            known(EPERM, "EPERM", "Operation not permitted"),
            known(ENOENT, "ENOENT", "No such file or directory"),
            known(ESRCH, "ESRCH", "No such process"),
            known(EINTR, "EINTR", "Interrupted system call"),
            known(EIO, "EIO", "Input/output error"),
            known(ENXIO, "ENXIO", "No such device or address"),
            known(EAGAIN, "EAGAIN", "Resource temporarily unavailable"),
            known(ENOMEM, "ENOMEM", "Cannot allocate memory"),
            known(EACCES, "EACCES", "Permission denied"),
            known(EBUSY, "EBUSY", "Device or resource busy"),
            known(EEXIST, "EEXIST", "File exists"),
            known(ENODEV, "ENODEV", "No such device"),
            known(ENOTDIR, "ENOTDIR", "Not a directory"),
            known(EINVAL, "EINVAL", "Invalid argument"),
            known(EMFILE, "EMFILE", "Too many open files"),
            known(ENOTTY, "ENOTTY", "Inappropriate ioctl for device"),
            known(ENOSPC, "ENOSPC", "No space left on device"),
            known(EROFS, "EROFS", "Read-only file system"),
            known(ERANGE, "ERANGE", "Numerical result out of range"),
            known(EOPNOTSUPP, "EOPNOTSUPP", "Operation not supported"),
            known(EADDRINUSE, "EADDRINUSE", "Address already in use"),
            known(EADDRNOTAVAIL, "EADDRNOTAVAIL", "Cannot assign requested address"),
            known(ENETDOWN, "ENETDOWN", "Network is down"),
            known(ENETUNREACH, "ENETUNREACH", "Network is unreachable"),
            known(ENOBUFS, "ENOBUFS", "No buffer space available"),
            known(EHOSTUNREACH, "EHOSTUNREACH", "No route to host"));

    private Errno() {}

    private static Map.Entry<Integer, Entry> known(int errno, String name, String meaning) {
        return Map.entry(errno, new Entry(name, meaning));
    }

    /** {@code EEXIST}; {@code errno 123} for one without a name here. */
    public static String name(int errno) {
        Entry entry = KNOWN.get(errno);
        return entry == null ? "errno " + errno : entry.name();
    }

    /** {@code File exists}, in the C library's words. */
    public static String meaning(int errno) {
        Entry entry = KNOWN.get(errno);
        return entry == null ? "see errno(3)" : entry.meaning();
    }
}
