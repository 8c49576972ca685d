package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import java.util.Optional;

/**
 * How one op is looked at, done and undone. Every act copes with every state a crash can leave: not begun, half done, done, half
 * undone.
 */
interface Act {

    /** Key of a memory that says: it was so before us, so it is not ours to undo. */
    String SO = "so";

    /** What undo needs to know of the time before; read before anything of the plan is done. An empty object: nothing was there. */
    JsonObject before(Scene scene);

    /** Empty when it is so, else what there is instead. */
    Optional<String> difference(Scene scene);

    /** Makes it so, from whatever there is. */
    void perform(Scene scene, JsonObject before);

    /** Puts back what was there before; what is gone is fine. */
    void undo(Scene scene, JsonObject before);

    static Act of(Op op) {
        return switch (op) {
            case Op.Namespace namespace -> new NamespaceAct(namespace);
            case Op.Link link -> new LinkAct(link);
            case Op.Move move -> new MoveAct(move);
            case Op.Rename rename -> new RenameAct(rename);
            case Op.Mtu mtu -> new MtuAct(mtu);
            case Op.Up up -> new UpAct(up);
            case Op.Address address -> new AddressAct(address);
            case Op.Route route -> new RouteAct(route);
            case Op.Rule rule -> new RuleAct(rule);
            case Op.Neighbour neighbour -> new NeighbourAct(neighbour);
            case Op.Fdb fdb -> new FdbAct(fdb);
            case Op.Redirect redirect -> new RedirectAct(redirect);
            case Op.Hairpin hairpin -> new HairpinAct(hairpin);
            case Op.Nft nft -> new NftAct(nft);
            case Op.Sysctl sysctl -> new SysctlAct(sysctl);
        };
    }

    /** Memory of a time when it was so, or of one when it was not. */
    static JsonObject memory(boolean so) {
        JsonObject json = new JsonObject();
        OpCodec.flag(json, SO, so);
        return json;
    }
}
