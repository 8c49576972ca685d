package io.peerpods.network.spec;

import static java.util.Objects.requireNonNull;

import com.google.gson.JsonObject;
import io.peerpods.linux.IpPrefix;
import java.net.InetAddress;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the network of one pod should be, as the worker saw it: the {@code pod-network} object of {@code apf.json}, which
 * {@link #toJson()} and {@link #fromJson} write and read to the letter of the existing system, with a few optional keys more
 * that it passes over.
 *
 * @param worker the worker's end of the tunnel, with its prefix length
 * @param index a number of the pod on its worker; it has no meaning here
 * @param dedicated whether the tunnel has a NIC of its own on both sides
 * @param externalNetwork whether the pod's way to the rest of the world is the VM's second NIC
 * @param bridged whether the pod's interface may be connected to a bridge of the worker
 */
public record PodNetworkSpec(
        PodInterface pod,
        IpPrefix worker,
        String tunnelType,
        List<PodRoute> routes,
        List<PodNeighbour> neighbours,
        int index,
        int vxlanPort,
        int vxlanId,
        boolean dedicated,
        boolean externalNetwork,
        boolean bridged,
        Options options) {

    /** The one tunnel type there is now. */
    public static final String VXLAN = "vxlan";

    public static final int DEFAULT_VXLAN_PORT = 4789;

    /**
     * What the existing system's object does not say.
     *
     * @param apiService the cluster's API service address, always reached by the tunnel; null when unknown
     * @param tunnelMtu upper bound of the tunnel's MTU in the VM, 0 for none
     * @param publicUnderlay the tunnel crosses the internet, though the addresses do not show it
     * @param allowPodMetadata the pod may talk to the cloud's metadata service
     */
    public record Options(
            @Nullable InetAddress apiService, int tunnelMtu, boolean publicUnderlay, boolean allowPodMetadata) {

        /** What the existing system means by its silence. */
        public static final Options NONE = new Options(null, 0, false, false);
    }

    public PodNetworkSpec {
        requireNonNull(pod, "pod");
        requireNonNull(worker, "worker");
        routes = List.copyOf(routes);
        neighbours = List.copyOf(neighbours);
        if (!tunnelType.equals(VXLAN)) {
            throw new IllegalArgumentException("tunnel type \"" + tunnelType + "\" is not known; vxlan is");
        }
        if (vxlanPort < 1 || vxlanPort > 65535) {
            throw new IllegalArgumentException("vxlan port " + vxlanPort + " is not 1 to 65535");
        }
        if (vxlanId < 0 || vxlanId > 0xffffff) {
            throw new IllegalArgumentException("vxlan id " + vxlanId + " is not 0 to 16777215");
        }
    }

    /** Of a pod whose interface may be connected to a bridge, as far as is known. */
    public PodNetworkSpec(
            PodInterface pod,
            IpPrefix worker,
            String tunnelType,
            List<PodRoute> routes,
            List<PodNeighbour> neighbours,
            int index,
            int vxlanPort,
            int vxlanId,
            boolean dedicated,
            boolean externalNetwork,
            Options options) {
        this(
                pod,
                worker,
                tunnelType,
                routes,
                neighbours,
                index,
                vxlanPort,
                vxlanId,
                dedicated,
                externalNetwork,
                true,
                options);
    }

    /** Reads the object {@code pod-network}. */
    public static PodNetworkSpec fromJson(JsonObject json) throws PodNetworkException {
        return PodNetworkJson.read(json);
    }

    /** The object {@code pod-network}. */
    public JsonObject toJson() {
        return PodNetworkJson.write(this);
    }

    /** The same pod with the tunnel's identity, which is known only when it has been allocated. */
    public PodNetworkSpec withTunnel(int port, int vni, int podIndex) {
        return new PodNetworkSpec(
                pod,
                worker,
                tunnelType,
                routes,
                neighbours,
                podIndex,
                port,
                vni,
                dedicated,
                externalNetwork,
                bridged,
                options);
    }

    /** The same pod, its interface connected to a bridge of the worker or not. */
    public PodNetworkSpec withBridged(boolean whether) {
        return new PodNetworkSpec(
                pod,
                worker,
                tunnelType,
                routes,
                neighbours,
                index,
                vxlanPort,
                vxlanId,
                dedicated,
                externalNetwork,
                whether,
                options);
    }

    /** The pod's own address. */
    public InetAddress podAddress() {
        return pod.addresses().getFirst().address();
    }

    /** The default route by the pod's interface that the kernel prefers, of the family of {@link #podAddress()}. */
    public Optional<PodRoute> defaultRoute() {
        boolean ipv4 = pod.addresses().getFirst().isIpv4();
        return routes.stream()
                .filter(route -> route.isDefault()
                        && route.destination().isIpv4() == ipv4
                        && route.dev().equals(pod.name()))
                .min(Comparator.comparingInt(PodRoute::metric));
    }
}
