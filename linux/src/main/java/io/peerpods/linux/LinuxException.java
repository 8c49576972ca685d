package io.peerpods.linux;

import io.peerpods.linux.sys.Errno;

/** A request that the kernel refused: what was tried and on what, the errno, and the kernel's own words where it gave some. */
public final class LinuxException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int errno;
    private final String kernelText;

    /**
     * @param attempted what was tried, on what ("add vxlan vxlan1 in /run/netns/x")
     * @param errno positive errno
     * @param kernelText the kernel's extended answer, or empty
     */
    public LinuxException(String attempted, int errno, String kernelText) {
        super(attempted + ": " + Errno.name(errno) + " (" + Errno.meaning(errno) + ")"
                + (kernelText.isEmpty() ? "" : ", kernel: " + kernelText));
        this.errno = errno;
        this.kernelText = kernelText;
    }

    public LinuxException(String attempted, int errno) {
        this(attempted, errno, "");
    }

    /** The positive errno; constants in {@link Errno}. */
    public int errno() {
        return errno;
    }

    /** The kernel's extended answer, empty where it gave none. */
    public String kernelText() {
        return kernelText;
    }

    /** Whether the thing that was acted on is not there (any more). */
    public boolean isGone() {
        return switch (errno) {
            case Errno.ENOENT, Errno.ESRCH, Errno.ENODEV, Errno.EADDRNOTAVAIL, Errno.ENXIO -> true;
            default -> false;
        };
    }

    public boolean isExisting() {
        return errno == Errno.EEXIST;
    }
}
