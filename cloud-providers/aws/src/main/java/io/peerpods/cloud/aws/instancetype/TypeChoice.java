package io.peerpods.cloud.aws.instancetype;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.aws.pricing.Prices;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Chooses among the types that the operator offers: the wanted one, else the cheapest that fits. Messages keep the words
 * that users of the existing system look for.
 */
public final class TypeChoice {

    private final InstanceType fallback;
    private final List<InstanceType> offered;
    private final Map<String, InstanceType> known;
    private final Comparator<InstanceType> preference;

    /**
     * @param known every offered type and the default one, by name
     * @param fallback the name of the type for pods that ask for nothing
     * @param offered the names of those that pods may have; empty: only the default
     */
    public TypeChoice(Map<String, InstanceType> known, String fallback, List<String> offered, Prices prices) {
        this.known = Map.copyOf(known);
        this.fallback = require(known, fallback);
        this.offered = (offered.isEmpty() ? List.of(fallback) : offered)
                .stream().distinct().map(name -> require(known, name)).toList();
        this.preference = cheapestFirst(prices);
    }

    private static InstanceType require(Map<String, InstanceType> known, String name) {
        return Optional.ofNullable(known.get(name))
                .orElseThrow(() -> new IllegalArgumentException("instance type " + name + " was not described"));
    }

    /** Known prices first, the lowest of them first; where they are equal or missing, the smallest. */
    static Comparator<InstanceType> cheapestFirst(Prices prices) {
        return Comparator.comparingDouble((InstanceType type) -> {
                    OptionalDouble price = prices.dollarsAnHour(type.name());
                    return price.orElse(Double.MAX_VALUE);
                })
                .thenComparingInt(InstanceType::gpus)
                .thenComparingLong(InstanceType::memoryMib)
                .thenComparingInt(InstanceType::vcpus)
                .thenComparing(InstanceType::name);
    }

    /** The type for pods that ask for nothing. */
    public InstanceType fallback() {
        return fallback;
    }

    /** The types that pods may have, in the operator's order. */
    public List<InstanceType> offered() {
        return offered;
    }

    /**
     * The types for a pod, the best first, never none. The further ones are for when the first has no capacity.
     *
     * @throws CloudException when no offered type will do; nothing was asked of EC2
     */
    public List<InstanceType> choose(Demand demand) throws CloudException {
        if (!demand.exact().isEmpty()) {
            return List.of(exact(demand));
        }
        return demand.isUnsized() ? unsized(demand) : sized(demand);
    }

    private InstanceType exact(Demand demand) throws CloudException {
        InstanceType type = known.get(demand.exact());
        if (type == null || !(type.equals(fallback) || offered.contains(type))) {
            throw invalid("requested instance type (\"" + demand.exact()
                    + "\") is not part of supported instance types list; PODVM_INSTANCE_TYPES has "
                    + offered.stream().map(InstanceType::name).toList());
        }
        String obstacle = demand.obstacle(type);
        if (!obstacle.isEmpty()) {
            throw invalid("requested instance type: " + obstacle);
        }
        return type;
    }

    private List<InstanceType> unsized(Demand demand) throws CloudException {
        List<InstanceType> types = new ArrayList<>();
        if (demand.obstacle(fallback).isEmpty()) {
            types.add(fallback);
        }
        offered.stream()
                .filter(type -> !type.equals(fallback)
                        && type.gpus() == fallback.gpus()
                        && type.vcpus() >= fallback.vcpus()
                        && type.memoryMib() >= fallback.memoryMib()
                        && demand.obstacle(type).isEmpty())
                .sorted(preference)
                .forEach(types::add);
        if (types.isEmpty()) {
            throw invalid("default instance type: " + demand.obstacle(fallback));
        }
        return List.copyOf(types);
    }

    private List<InstanceType> sized(Demand demand) throws CloudException {
        List<InstanceType> large = offered.stream().filter(demand::fits).toList();
        List<InstanceType> types = large.stream()
                .filter(type -> demand.obstacle(type).isEmpty())
                .sorted(preference)
                .toList();
        if (!types.isEmpty()) {
            return types;
        }
        String because = large.isEmpty() ? "" : ": " + demand.obstacle(large.getFirst());
        String size = "(" + number(demand.vcpus()) + ")";
        if (demand.gpus() > 0) {
            String model = demand.gpuModel().isEmpty() ? "" : " of model " + demand.gpuModel();
            throw invalid(
                    "failed to get instance type based on GPU, vCPU, and memory annotations: no instance type found"
                            + " for the given vcpus " + size + ", memory (" + demand.memoryMib() + ") and GPUs ("
                            + demand.gpus()
                            + ")" + model + because);
        }
        throw invalid("failed to get instance type based on vCPU and memory annotations: no instance type found for the"
                + " given vcpus " + size + " and memory (" + demand.memoryMib() + ")" + because);
    }

    private static String number(double vcpus) {
        return vcpus == Math.rint(vcpus) ? Long.toString((long) vcpus) : Double.toString(vcpus);
    }

    private static CloudException invalid(String message) {
        return new InvalidRequest(Outcome.NOT_DONE, message);
    }
}
