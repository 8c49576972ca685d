package io.peerpods.linux.netlink;

import io.peerpods.linux.MacAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Ingress qdiscs and the filters this project uses: u32 matching everything, with mirred sending each frame out of another link
 * (linux/pkt_sched.h, pkt_cls.h, tc_act/tc_mirred.h). Others, without an action, let a pair of addresses or an
 * ethertype pass. u32, because {@code matchall} and {@code flower} are not in every kernel.
 */
public final class TrafficControl {

    private static final int RTM_NEWQDISC = 36;
    private static final int RTM_DELQDISC = 37;
    private static final int RTM_GETQDISC = 38;
    private static final int RTM_NEWTFILTER = 44;
    private static final int RTM_DELTFILTER = 45;
    private static final int RTM_GETTFILTER = 46;

    private static final int TCA_KIND = 1;
    private static final int TCA_OPTIONS = 2;
    private static final int TCA_U32_CLASSID = 1;
    private static final int TCA_U32_SEL = 5;
    private static final int TCA_U32_ACT = 7;
    private static final int TCA_ACT_KIND = 1;
    private static final int TCA_ACT_OPTIONS = 2;
    private static final int TCA_ACT_COOKIE = 6;
    private static final int TCA_MIRRED_PARMS = 2;

    private static final int INGRESS_HANDLE = 0xffff0000;
    private static final int INGRESS_PARENT = 0xfffffff1;
    /** Where filters on arriving frames hang, of clsact and of ingress alike. */
    private static final int INGRESS_FILTERS = 0xfffffff2;

    private static final int ETH_P_ALL = 3;
    private static final int EGRESS_REDIRECT = 1;
    private static final int TC_ACT_STOLEN = 4;
    private static final int U32_TERMINAL = 1;
    /** Before every filter whose priority the kernel chose. */
    private static final int FIRST = 1;

    /** Longest mark of an action, in bytes. */
    public static final int MAX_COOKIE = 16;

    private final NetlinkSocket socket;

    TrafficControl(NetlinkSocket socket) {
        this.socket = socket;
    }

    private static Message message(int type, int flags, int index, int handle, int parent, int info) {
        return new Message(type, flags)
                .u8(0)
                .u8(0)
                .u16(0)
                .u32(index)
                .u32(handle)
                .u32(parent)
                .u32(info);
    }

    /** The qdiscs of one link. */
    public List<Qdisc> qdiscs(int index) {
        return socket
                .<Qdisc>dump("list qdiscs", message(RTM_GETQDISC, Message.DUMP, 0, 0, 0, 0), TrafficControl::readQdisc)
                .stream()
                .filter(qdisc -> qdisc.link() == index)
                .toList();
    }

    private static Optional<Qdisc> readQdisc(int type, ByteBuffer payload) {
        int index = payload.getInt(4);
        int handle = payload.getInt(8);
        int parent = payload.getInt(12);
        String kind = Attributes.read(payload.position(20)).string(TCA_KIND);
        return Optional.of(new Qdisc(index, kind, handle, parent));
    }

    /** Makes the place for filters on what arrives; EEXIST when there is one already. */
    public void addClsact(int index) {
        socket.execute(
                "add clsact qdisc to link " + index,
                message(RTM_NEWQDISC, Message.CREATE | Message.EXCL, index, INGRESS_HANDLE, INGRESS_PARENT, 0)
                        .string(TCA_KIND, "clsact"));
    }

    /** Removes it with every filter in it. */
    public void deleteIngressQdisc(int index) {
        socket.execute(
                "delete ingress qdisc of link " + index,
                message(RTM_DELQDISC, 0, index, INGRESS_HANDLE, INGRESS_PARENT, 0));
    }

    /** The filters on what arrives at one link. Without an ingress qdisc there are none. */
    public List<Filter> filters(int index) {
        if (qdiscs(index).stream().noneMatch(Qdisc::isIngress)) {
            return List.of();
        }
        return socket.dump(
                "list filters of link " + index,
                message(RTM_GETTFILTER, Message.DUMP, index, 0, INGRESS_FILTERS, 0),
                TrafficControl::readFilter);
    }

    private static Optional<Filter> readFilter(int type, ByteBuffer payload) {
        int index = payload.getInt(4);
        int handle = payload.getInt(8);
        int info = payload.getInt(16);
        Attributes attributes = Attributes.read(payload.position(20));
        Attributes options = attributes.nested(TCA_OPTIONS);
        String kind = attributes.string(TCA_KIND);
        if (kind.equals("u32") && !options.has(TCA_U32_SEL)) {
            return Optional.empty(); // the hash table that u32 keeps its keys in
        }
        int redirectTo = 0;
        String cookie = "";
        for (Attributes action : options.nested(TCA_U32_ACT).each()) {
            ByteBuffer parameters = action.nested(TCA_ACT_OPTIONS).value(TCA_MIRRED_PARMS);
            if (action.string(TCA_ACT_KIND).equals("mirred")
                    && parameters.remaining() >= 28
                    && parameters.getInt(20) == EGRESS_REDIRECT) {
                redirectTo = parameters.getInt(24);
                cookie = HexFormat.of().formatHex(action.bytes(TCA_ACT_COOKIE));
            }
        }
        ByteBuffer classified = options.value(TCA_U32_CLASSID);
        int classId = kind.equals("u32") && classified.remaining() >= 4 ? classified.getInt(0) : 0;
        int protocol = Short.toUnsignedInt(Short.reverseBytes((short) info));
        return Optional.of(new Filter(index, info >>> 16, protocol, handle, kind, redirectTo, cookie, classId));
    }

    /**
     * Sends every frame that arrives at {@code from} out of {@code to}. The link needs an ingress qdisc.
     *
     * @param cookie hexadecimal mark by which the filter is found again, at most {@value #MAX_COOKIE} bytes
     */
    public void addRedirect(int from, int to, String cookie) {
        int info = info(0, ETH_P_ALL); // priority 0: the kernel chooses one
        Message message = message(RTM_NEWTFILTER, Message.CREATE | Message.EXCL, from, 0, INGRESS_FILTERS, info)
                .string(TCA_KIND, "u32");
        message.nest(
                TCA_OPTIONS,
                () -> message.bytes(TCA_U32_SEL, matchEverything())
                        .nest(
                                TCA_U32_ACT,
                                () -> message.nest(
                                        1,
                                        () -> message.string(TCA_ACT_KIND, "mirred")
                                                .nest(
                                                        TCA_ACT_OPTIONS,
                                                        () -> message.bytes(TCA_MIRRED_PARMS, redirect(to)))
                                                .bytes(
                                                        TCA_ACT_COOKIE,
                                                        HexFormat.of().parseHex(cookie)))));
        socket.execute("add redirect from link " + from + " to link " + to, message);
    }

    /**
     * Lets every frame that arrives at {@code from} with {@code mac} as source and destination pass the filters that are there already:
     * the kernel puts this one before them. The link needs an ingress qdisc.
     *
     * @param classId mark by which the filter is found again, not 0: a filter without action has no cookie, and the action that lets
     *     pass ({@code gact}) is not in every kernel
     */
    public void addPass(int from, MacAddress mac, int classId) {
        int info = info(0, ETH_P_ALL); // priority 0: one before those there are
        Message message = message(RTM_NEWTFILTER, Message.CREATE | Message.EXCL, from, 0, INGRESS_FILTERS, info)
                .string(TCA_KIND, "u32");
        message.nest(
                TCA_OPTIONS,
                () -> message.u32(TCA_U32_CLASSID, classId).bytes(TCA_U32_SEL, matchSourceAndDestination(mac)));
        socket.execute("add filter to link " + from + " that lets frames from and to " + mac + " pass", message);
    }

    /** struct tc_u32_sel with keys on the Ethernet addresses, which begin 14 bytes before the packet: whole words around them. */
    private static byte[] matchSourceAndDestination(MacAddress mac) {
        long address = mac.value();
        ByteBuffer selector =
                ByteBuffer.allocate(16 + 4 * 16).put(0, (byte) U32_TERMINAL).put(2, (byte) 4);
        selector.position(16);
        key(selector, 0x0000ffff, (int) (address >>> 32), -16);
        key(selector, 0xffffffff, (int) address, -12);
        key(selector, 0xffffffff, (int) (address >>> 16), -8);
        key(selector, 0xffff0000, (int) (address << 16), -4);
        return selector.array();
    }

    /** struct tc_u32_key: mask and value in network order, the offset in the machine's. */
    private static void key(ByteBuffer selector, int mask, int value, int offset) {
        selector.order(ByteOrder.BIG_ENDIAN).putInt(mask).putInt(value);
        selector.order(ByteOrder.nativeOrder()).putInt(offset).putInt(0);
    }

    /**
     * Lets the frames of one ethertype that arrive at the link past its redirect, up to the sockets of its namespace; being so already is
     * success. Frames of other types are not compared with anything. The link needs an ingress qdisc.
     */
    public void addPass(int index, int etherType) {
        if (filters(index).stream().anyMatch(filter -> filter.priority() == FIRST && filter.protocol() == etherType)) {
            return;
        }
        Message message = message(
                        RTM_NEWTFILTER,
                        Message.CREATE | Message.EXCL,
                        index,
                        0,
                        INGRESS_FILTERS,
                        info(FIRST, etherType))
                .string(TCA_KIND, "u32");
        message.nest(TCA_OPTIONS, () -> message.bytes(TCA_U32_SEL, matchEverything()));
        socket.execute("let ethertype 0x" + Integer.toHexString(etherType) + " pass on link " + index, message);
    }

    /** Priority and, in network order, protocol: the last word of struct tcmsg. */
    private static int info(int priority, int protocol) {
        return priority << 16 | Short.toUnsignedInt(Short.reverseBytes((short) protocol));
    }

    /** struct tc_u32_sel with one key of mask 0. */
    private static byte[] matchEverything() {
        byte[] selector = new byte[32];
        selector[0] = U32_TERMINAL;
        selector[2] = 1;
        return selector;
    }

    /** struct tc_mirred. */
    private static byte[] redirect(int to) {
        return ByteBuffer.allocate(28)
                .order(ByteOrder.nativeOrder())
                .putInt(8, TC_ACT_STOLEN)
                .putInt(20, EGRESS_REDIRECT)
                .putInt(24, to)
                .array();
    }

    public void deleteFilter(Filter filter) {
        int info = info(filter.priority(), filter.protocol());
        socket.execute(
                "delete " + filter.kind() + " filter of link " + filter.link(),
                message(RTM_DELTFILTER, 0, filter.link(), filter.handle(), INGRESS_FILTERS, info)
                        .string(TCA_KIND, filter.kind()));
    }
}
