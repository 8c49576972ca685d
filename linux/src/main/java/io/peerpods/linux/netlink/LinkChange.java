package io.peerpods.linux.netlink;

import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Collects changes of one link, which {@link #apply} asks for in one request. Not thread safe. */
public final class LinkChange {

    private static final int IFF_UP = 1;

    private final Rtnl rtnl;
    private final int index;
    private final List<String> words = new ArrayList<>();
    private final List<Consumer<Message>> attributes = new ArrayList<>();
    private int flags;
    private int flagMask;

    LinkChange(Rtnl rtnl, int index) {
        this.rtnl = rtnl;
        this.index = index;
    }

    private LinkChange with(String word, Consumer<Message> attribute) {
        words.add(word);
        attributes.add(attribute);
        return this;
    }

    public LinkChange up(boolean up) {
        words.add(up ? "up" : "down");
        flags = up ? IFF_UP : 0;
        flagMask = IFF_UP;
        return this;
    }

    /** The link must be down, or the kernel new enough to rename it while up. */
    public LinkChange name(String name) {
        return with("name " + name, message -> message.string(Rtnl.IFLA_IFNAME, name));
    }

    public LinkChange mac(MacAddress mac) {
        return with("address " + mac, message -> message.bytes(Rtnl.IFLA_ADDRESS, mac.bytes()));
    }

    public LinkChange mtu(int mtu) {
        return with("mtu " + mtu, message -> message.u32(Rtnl.IFLA_MTU, mtu));
    }

    /** Empty removes it. */
    public LinkChange alias(String alias) {
        // An empty alias is an attribute without content: a lone zero byte would be taken as text.
        return with(
                "alias " + alias, message -> message.bytes(Rtnl.IFLA_IFALIAS, alias.getBytes(StandardCharsets.UTF_8)));
    }

    /** Index of a bridge, 0 to leave the one it is in. */
    public LinkChange master(int master) {
        return with("master " + master, message -> message.u32(Rtnl.IFLA_MASTER, master));
    }

    /** Moves it there; addresses, routes and up-state are lost. */
    public LinkChange netns(Netns target) {
        return with("netns " + target, message -> message.u32(Rtnl.IFLA_NET_NS_FD, target.fd()));
    }

    /** Asks the kernel. */
    public void apply() {
        Message message = Rtnl.linkMessage(Rtnl.RTM_NEWLINK, 0, index, flags, flagMask);
        attributes.forEach(attribute -> attribute.accept(message));
        rtnl.execute("set link " + index + " " + String.join(" ", words), message);
    }
}
