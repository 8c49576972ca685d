package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import java.util.Optional;

/**
 * How one op is looked at, done and undone. Every act copes with every state a crash can leave: not begun, half done, done, half
 * undone.
 */
interface OpHandler {

    /** Key of a memory that says: it was so before us, so it is not ours to undo. */
    String SO = "so";

    /** What undo needs to know of the time before; read before anything of the plan is done. An empty object: nothing was there. */
    JsonObject before(OpContext context);

    /** Empty when it is so, else what there is instead. */
    Optional<String> difference(OpContext context);

    /** Makes it so, from whatever there is. */
    void perform(OpContext context, JsonObject before);

    /** Puts back what was there before; what is gone is fine. */
    void undo(OpContext context, JsonObject before);

    static OpHandler of(Op op) {
        return switch (op) {
            case Op.Namespace namespace -> new NamespaceHandler(namespace);
            case Op.Link link -> new LinkHandler(link);
            case Op.Move move -> new MoveHandler(move);
            case Op.Rename rename -> new RenameHandler(rename);
            case Op.Mtu mtu -> new MtuHandler(mtu);
            case Op.Up up -> new UpHandler(up);
            case Op.Address address -> new AddressHandler(address);
            case Op.Route route -> new RouteHandler(route);
            case Op.Rule rule -> new RuleHandler(rule);
            case Op.Neighbour neighbour -> new NeighbourHandler(neighbour);
            case Op.Fdb fdb -> new FdbHandler(fdb);
            case Op.Redirect redirect -> new RedirectHandler(redirect);
            case Op.Hairpin hairpin -> new HairpinHandler(hairpin);
            case Op.Nft nft -> new NftHandler(nft);
            case Op.Sysctl sysctl -> new SysctlHandler(sysctl);
        };
    }

    /** Memory of a time when it was so, or of one when it was not. */
    static JsonObject memory(boolean so) {
        JsonObject json = new JsonObject();
        OpCodec.flag(json, SO, so);
        return json;
    }
}
